"""What has been written to a folder of resized images, so that a run goes on where one ended."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mmresnet.datasets.resizing.image import Settings
from mmresnet.datasets.resumable import JsonLines
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

    The file has a line of JSON for the settings, and one for each image that is written.

    Attributes:
        entries: By the path of an image below the folder.

    Args:
        folder: Where images are written.

    Raises:
        UserError: The folder holds other files, or images with other settings.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.entries: dict[str, Entry] = {}
        path = folder / FILE
        if not path.exists():
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise UserError(
                    f"'{folder}' is there already, and was not made by this command: give a folder "
                    "that is empty or does not exist."
                )
            folder.mkdir(parents=True, exist_ok=True)
        self._lines = JsonLines(path)
        try:
            self._read(folder, settings)
        except BaseException:
            self.close()
            raise

    def _read(self, folder: Path, settings: Settings) -> None:
        given = {"format": _FORMAT, "size": settings.size, "quality": settings.quality}
        if not self._lines.values:
            self._lines.add([given])
            return
        found, *entries = self._lines.values
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
        self._lines.add([path, *entry] for path, entry in entries)
        self.entries.update(entries)

    def close(self) -> None:
        """Close the file."""
        self._lines.close()
