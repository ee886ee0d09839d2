"""What has been written to a folder of resized images, so that a run goes on where one ended.

The file has a line of JSON for the settings, and one for each image that is written. What a killed
run has not recorded is made again, which is safe: files appear under their names complete.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mmresnet.datasets.resizing.image import Settings
from mmresnet.errors import UserError

FILE = ".resize-dataset.jsonl"  # hidden, so that no data set takes it for its own
_FORMAT = 1


class Entry(NamedTuple):
    """An image that is written.

    Attributes:
        source_bytes, source_mtime: Of the image that it was made from; the time in nanoseconds.
        bytes, checksum: Of the file that was written; the latter is its CRC-32.
        is_copy: It has the content of the image.
    """

    source_bytes: int
    source_mtime: int
    bytes: int
    checksum: int
    is_copy: bool


class Record:
    """The record of a folder, which is made if it is not there.

    Attributes:
        entries: By the path of an image below the folder.

    Args:
        folder: Where images are written.

    Raises:
        UserError: The folder holds other files, or images with other settings.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.entries: dict[str, Entry] = {}
        self._path = folder / FILE
        if not self._path.exists():
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise UserError(
                    f"'{folder}' is there already, and was not made by this command: give a folder "
                    "that is empty or does not exist."
                )
            folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._read(folder, settings)
        except BaseException:
            self.close()
            raise

    def _read(self, folder: Path, settings: Settings) -> None:
        given = {"format": _FORMAT, "size": settings.size, "quality": settings.quality}
        lines, whole = [], 0
        for line in self._path.read_bytes().splitlines(keepends=True):
            value = _value_of(line)
            if value is None:
                break
            lines.append(value)
            whole += len(line)
        os.ftruncate(self._file, whole)  # a killed run may leave half a line
        os.lseek(self._file, whole, os.SEEK_SET)
        if not whole:
            self._write([given])
            return
        found, *entries = lines
        if found != given:
            options = f"--size {found.get('size')} --quality {found.get('quality')}"
            raise UserError(
                f"'{folder}' was made with {options}, not with {settings}: give the former to go "
                "on with it, or another folder."
            )
        self.entries = {path: Entry(*values) for path, *values in entries}

    def add(self, entries: Iterable[tuple[str, Entry]]) -> None:
        """Record images that are written."""
        entries = list(entries)
        self._write([path, *entry] for path, entry in entries)
        self.entries.update(entries)

    def _write(self, values: Iterable[Any]) -> None:
        content = "".join(json.dumps(value) + "\n" for value in values).encode()
        while content:  # of a disk that gets full, the first call writes what it can
            content = content[os.write(self._file, content) :]

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _value_of(line: bytes) -> Any:
    """Return what a whole line holds, or None for one that is cut off or damaged."""
    try:
        return json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what a disk refuses into an error that says how to go on.

    Raises:
        UserError: There is no room, no permission, …
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "make room" if full else "see to it"
        raise UserError(
            f"'{folder}' cannot be written ({error.strerror or error}): {remedy}, and run the same "
            "command again, which goes on where this one ended."
        ) from error
