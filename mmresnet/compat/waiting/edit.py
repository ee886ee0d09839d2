"""An edit of a function of another package, written as a diff."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Lines of a function, and those in their place.

    Attributes:
        module: Where the function is defined.
        function: Its name, with that of its class.
        diff: Its lines, each after a space, a minus where it goes, or a plus where it comes. Lines
            "@@" separate those that do not follow each other.
    """

    module: str
    function: str
    diff: str

    def of(self, source: str) -> str | None:
        """Return the source as edited; None if a part of the diff is not there, or not once."""
        source = f"\n{source}"
        for before, after in self._parts():
            if source.count(before) != 1:
                return None
            source = source.replace(before, after)
        return source[1:]

    def is_for(self, file: str) -> bool:
        """Return whether all lines of the diff are in a file, which may have them twice."""
        return all(before in f"\n{file}" for before, _ in self._parts())

    def _parts(self) -> Iterator[tuple[str, str]]:
        for part in self.diff.strip("\n").split("\n@@\n"):
            lines = [(line[:1], f"{line[1:]}\n") for line in part.split("\n")]
            before = "".join(line for kind, line in lines if kind != "+")
            after = "".join(line for kind, line in lines if kind != "-")
            yield f"\n{before}", f"\n{after}"  # whole lines, with their indentation
