"""What is known of the archives of a folder, and which of their files are written."""

from __future__ import annotations

import os
from array import array
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmresnet.atomic import atomic_write, remove_partial_files
from mmresnet.datasets.preparing.archive import Members
from mmresnet.datasets.resumable import JsonLines

FOLDER = ".prepare"  # hidden, so that no data set takes it for its own
_FORMAT = 1


class State(NamedTuple):
    """By what a file is known: its size in bytes, and its time in nanoseconds."""

    size: int
    mtime: int

    @classmethod
    def of(cls, path: Path) -> State:
        """Return the state of a file."""
        found = os.stat(path)
        return cls(found.st_size, found.st_mtime_ns)


class Known(NamedTuple):
    """An archive that has been read.

    Attributes:
        verified: It has the published checksum.
    """

    state: State
    verified: bool


class Finished(NamedTuple):
    """A run that has written everything.

    Attributes:
        archives: The state of each.
        folders: The number of files that were written to each folder.
        bytes: Of all files.
    """

    archives: dict[str, State]
    folders: dict[str, int]
    bytes: int


class Record:
    """The record of one data set in a folder, which is made if it is not there.

    A file of JSON lines: a list is a range of members that are written, a dict an archive that has
    been read or a run that has finished. Beside it lies a file for each archive with its members.

    Args:
        folder: Where the data set is written.
        name: Of the data set. A folder may hold several.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.archives: dict[str, Known] = {}
        self.finished: Finished | None = None
        self._written: dict[str, list[tuple[int, int]]] = {}
        self._stem = folder / FOLDER / name
        self._stem.parent.mkdir(parents=True, exist_ok=True)
        remove_partial_files(self._stem.parent, "*.npz")
        self._lines = JsonLines(self._stem.with_name(f"{name}.jsonl"))
        for value in self._lines.values:
            self._take(value)

    def _take(self, value: Any) -> None:
        match value:
            case [str(archive), int(first), int(last)]:
                self._written[archive].append((first, last))
                self.finished = None
            case {"archive": str(name), "state": state, "verified": bool(verified)}:
                known = Known(State(*state), verified)
                if name not in self.archives or self.archives[name].state != known.state:
                    self._written[name] = []
                self.archives[name] = known
            case {"finished": archives, "folders": folders, "bytes": count}:
                states = {name: State(*state) for name, state in archives.items()}
                self.finished = Finished(states, folders, count)

    def _add(self, value: Any) -> None:
        self._lines.add([value])
        self._take(value)

    def has_members(self, archive: Path, verified: bool) -> bool:
        """Return whether an archive has been read, and has not changed since.

        Args:
            verified: It must have the published checksum.
        """
        known = self.archives.get(archive.name)
        return (
            known is not None
            and known.state == State.of(archive)
            and known.verified >= verified
            and self._members_file(archive.name).exists()
        )

    def members(self, archive: Path) -> Members:
        """Return the members of an archive that has been read."""
        with np.load(self._members_file(archive.name)) as stored:
            names = stored["names"].tobytes().decode("utf-8", "surrogateescape").split("\0")
            sizes, offsets = (array("q", stored[name].tobytes()) for name in ("sizes", "offsets"))
        return Members(names, sizes, offsets)

    def set_members(self, archive: Path, members: Members, verified: bool) -> None:
        """Record that an archive has been read."""
        names = "\0".join(members.names).encode("utf-8", "surrogateescape")
        with atomic_write(self._members_file(archive.name), "wb") as file:
            np.savez_compressed(
                file,
                names=np.frombuffer(names, np.uint8),
                sizes=np.array(members.sizes, np.int64),
                offsets=np.array(members.offsets, np.int64),
            )
        self._add({"archive": archive.name, "state": State.of(archive), "verified": verified})

    def add_written(self, archive: str, first: int, last: int) -> None:
        """Record that all wanted members from ``first`` to ``last`` are written."""
        self._add([archive, first, last])

    def is_written(self, archive: str) -> list[bool]:
        """Return, for each member up to the last that is written, whether it is."""
        ranges = self._written.get(archive, [])
        written = [False] * (1 + max((last for _, last in ranges), default=-1))
        for first, last in ranges:
            written[first : last + 1] = [True] * (last + 1 - first)
        return written

    def finish(self, finished: Finished) -> None:
        """Record that everything is written."""
        archives, folders, count = finished
        self._add({"finished": archives, "folders": folders, "bytes": count})

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _members_file(self, archive: str) -> Path:
        return self._stem.with_name(f"{self._stem.name}-{archive}.npz")
