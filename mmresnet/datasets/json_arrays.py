"""The arrays of a large JSON file, a block of elements at a time.

``benchmarks/annotations.py`` compares parsers: Python's own takes a small part of the time once the
objects need not be kept, so that no other one is needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any

_BLOCK = 1 << 22  # characters that are read at once
_ELEMENTS = 1 << 12  # that are returned at once where they are parsed singly
_SPACE = re.compile(r"[ \t\n\r]*")


def arrays(file: IO[str]) -> Iterator[tuple[str, list[Any] | None]]:
    """Yield the key of each array of a file's object, with a block of its elements.

    Of an array without elements that is one empty block; of other values it is None.

    Raises:
        ValueError: The file is not JSON, or no object.
    """
    text = _Text(file)
    text.take("{")
    if text.peek() == "}":
        text.take("}")
    else:
        while True:
            key = text.value()
            if not isinstance(key, str):
                raise ValueError("a key that is no text")
            text.take(":")
            if text.peek() == "[":
                for block in text.elements():
                    yield key, block
            else:
                text.value()
                yield key, None
            if text.peek() == "}":
                break
            text.take(",")
        text.take("}")
    if text.peek():
        raise ValueError("text after the object")


class _Text:
    """The part of a file that is being parsed."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._text, self._position, self._size = "", 0, _BLOCK
        self._decode = json.JSONDecoder().raw_decode

    def _more(self) -> bool:
        """Read on, twice as much as the last time if nothing was parsed since."""
        self._size = _BLOCK if self._position else self._size * 2
        read = self._file.read(self._size)
        self._text, self._position = self._text[self._position :].lstrip(" \t\n\r") + read, 0
        return bool(read)

    def peek(self) -> str:
        """Return the next character that is no space, or an empty text at the end."""
        while True:
            self._position = _SPACE.match(self._text, self._position).end()  # type: ignore[union-attr]
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._more():
                return ""

    def take(self, character: str) -> None:
        """Go on after a character, which has to come next."""
        if self.peek() != character:
            raise ValueError(f"'{character}' is missing")
        self._position += 1

    def value(self) -> Any:
        """Return the value that comes next."""
        self.peek()
        while True:
            try:
                found, end = self._decode(self._text, self._position)
            except ValueError:
                if not self._more():
                    raise
                continue
            if end < len(self._text) or not self._more():  # else a number may go on
                self._position = end
                return found

    def elements(self) -> Iterator[list[Any]]:
        """Yield the elements of the array that comes next."""
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            yield []
            return
        by_text, going_on = True, True
        while going_on:
            found = self._up_to_last() if by_text else None
            by_text = found is not None
            block, going_on = found or self._one_by_one()
            yield block

    def _up_to_last(self) -> tuple[list[Any], bool] | None:
        """Return the elements up to the last ``},`` of the text, and whether the array goes on.

        None if that is not between two elements of this array. Whether it is shows in closing the
        array there: it can be parsed if nothing else is open.
        """
        if len(self._text) - self._position < _BLOCK // 2:
            self._more()
        end = self._text.rfind("},", self._position) + 1
        part = f"[{self._text[self._position : end]}]"
        try:
            block, used = self._decode(part)
        except ValueError:
            return None
        if not block:
            return None
        going_on = used == len(part)  # else the array ends before
        self._position += used - 2 if going_on else used - 1
        if going_on:
            self.take(",")
        return block, going_on

    def _one_by_one(self) -> tuple[list[Any], bool]:
        """Return the next elements, and whether the array goes on."""
        block = list[Any]()
        while len(block) < _ELEMENTS:
            block.append(self.value())
            if self.peek() == "]":
                self.take("]")
                return block, False
            self.take(",")
        return block, True
