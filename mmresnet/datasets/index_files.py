"""What was found in annotation files and image folders, kept on disk until these change.

An index is a set of arrays with a small description. Its file has safetensors' layout; processes of
a machine map the same memory. ``docs/data.md`` says where it is and what a change is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from mmresnet.atomic import atomic_write
from mmresnet.datasets.file_systems import LOCAL, file_system

VARIABLE = "MMRESNET_INDEX_CACHE"
_FORMAT = 1  # of the files' contents: a file of another one is not read
_OFF = ("off", "0", "no", "false")
_NAMES = {"|b1": "BOOL", "|u1": "U8", "<i4": "I32", "<i8": "I64", "<f8": "F64"}
_TYPES = {name: np.dtype(code) for code, name in _NAMES.items()}
# Two changes within the resolution of a file system's clock give the same time. The coarsest in
# use, ext3's and some NFS servers', is a second.
_RESOLUTION = 3 * 10**9

Stamp = tuple[int, ...]
"""What changes with a file or folder: see :func:`stamp_of`."""


@dataclass
class Index:
    """Arrays by name, and a description of JSON's types."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)


def cache_folder() -> Path | None:
    """Return the folder of indices, or None if ``MMRESNET_INDEX_CACHE`` is "off"."""
    if folder := os.environ.get(VARIABLE):
        return None if folder.lower() in _OFF else Path(folder).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "mmresnet"


def stamp_of(status: os.stat_result, now: int | None = None) -> Stamp | None:
    """Return what changes with a file, or with the list of names in a folder.

    The time of the last change of its status (ctime) belongs to it, since a program may set that
    of its content (mtime) back, as tar and rsync do.

    Args:
        now: The time before the content was read, in nanoseconds since 1970.

    Returns:
        None if the last change is so recent that a further one might leave the same stamp.
    """
    times = status.st_mtime_ns, status.st_ctime_ns
    if now is not None and max(times) > now - _RESOLUTION:
        return None
    return (status.st_ino, status.st_size, *times)


def load(kind: str, key: Iterable[object], stamp: Stamp | None = None) -> Index | None:
    """Return the index that :func:`save` wrote, or None if there is none that is valid."""
    path = _path(kind, key)
    if path is None:
        return None
    try:
        index = read(path)
        if index.meta.pop("key") != _identity(kind, key):
            return None
        saved = index.meta.pop("stamp")
    except (OSError, ValueError, KeyError, TypeError):  # there is none, or one that is damaged
        return None
    return index if stamp is None or saved == list(stamp) else None


def save(kind: str, key: Iterable[object], index: Index, stamp: Stamp = ()) -> Index:
    """Write an index, and return it as :func:`load` would, so that it takes no memory twice.

    Args:
        kind: What it is an index of, a word.
        key: What tells it from others of its kind, such as the path of the annotations.
        stamp: Of the file that it was made from.
    """
    path = _path(kind, key)
    if path is None:
        return index
    own = {"key": _identity(kind, key), "stamp": stamp}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, "wb") as file:
            write(file, Index(index.arrays, {**index.meta, **own}))
    except OSError as error:
        from mmengine.logging import print_log  # which a config's checks need not import

        print_log(
            f"The folder '{path.parent}' cannot be written ({error}), so that the next start takes "
            f"as long: {VARIABLE} names another one, or is off.",
            logger="current",
            level=logging.INFO,
        )
        return index
    _remove_leftovers(path.parent)
    return load(kind, key, stamp or None) or index


def _identity(kind: str, key: Iterable[object]) -> list[str]:
    return [kind, str(_FORMAT), *map(str, key)]


def _path(kind: str, key: Iterable[object]) -> Path | None:
    folder = cache_folder()
    digest = hashlib.sha256("\0".join(_identity(kind, key)).encode("utf-8", "surrogateescape"))
    return None if folder is None else folder / f"{kind}-{digest.hexdigest()[:24]}.safetensors"


def _remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed a day ago or earlier have left."""
    for path in folder.glob(".*.safetensors-????????"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - 86400:
                path.unlink()


def write(file: IO[bytes], index: Index) -> None:
    """Write an index to an open file, in safetensors' layout."""
    entries: dict[str, Any] = {"__metadata__": {"index": json.dumps(index.meta)}}
    arrays = sorted(index.arrays.items(), key=lambda pair: -pair[1].itemsize)  # keeps them aligned
    end = 0
    for name, array in arrays:
        start, end = end, end + array.nbytes
        kind, shape = _NAMES[array.dtype.str], list(array.shape)
        entries[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    file.write(len(header).to_bytes(8, "little") + header)
    for _, array in arrays:
        file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def read(path: Path) -> Index:
    """Return the index in a file, mapped where the file system keeps what is mapped.

    Raises:
        OSError: The file cannot be read.
        ValueError, KeyError, TypeError: It is no index, or cut off.
    """
    mapped = file_system(path) in LOCAL
    content: np.ndarray = np.memmap(path, np.uint8, "r") if mapped else np.fromfile(path, np.uint8)
    start = 8 + int.from_bytes(content[:8].tobytes(), "little")
    header = json.loads(content[8:start].tobytes())
    meta = json.loads(header.pop("__metadata__")["index"])
    if max((entry["data_offsets"][1] for entry in header.values()), default=0) + start != len(
        content
    ):
        raise ValueError(f"'{path}' is cut off")
    arrays = {}
    for name, entry in header.items():
        first, last = (start + offset for offset in entry["data_offsets"])
        arrays[name] = content[first:last].view(_TYPES[entry["dtype"]]).reshape(entry["shape"])
    return Index(arrays, meta)


class Texts:
    """A list of texts in two arrays, which processes share without copies.

    Args:
        content: The texts in UTF-8, one after the other.
        ends: Where each ends.
    """

    def __init__(self, content: np.ndarray, ends: np.ndarray) -> None:
        self.content, self.ends = content, ends

    @classmethod
    def pack(cls, texts: Iterable[str]) -> Texts:
        """Put texts into arrays."""
        parts = [text.encode("utf-8", "surrogateescape") for text in texts]
        ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
        return cls(np.frombuffer(b"".join(parts), np.uint8), ends)

    @classmethod
    def join(cls, lists: Sequence[Texts]) -> Texts:
        """Return lists of texts as one."""
        sizes = np.cumsum([0, *(len(texts.content) for texts in lists)])
        ends = [texts.ends + start for texts, start in zip(lists, sizes.tolist(), strict=False)]
        nothing = cls.pack(())
        content = np.concatenate([nothing.content, *(texts.content for texts in lists)])
        return cls(content, np.concatenate([nothing.ends, *ends]))

    def part(self, first: int, last: int) -> Texts:
        """Return the texts from ``first`` to before ``last``."""
        start = int(self.ends[first - 1]) if first else 0
        ends = self.ends[first:last]
        return Texts(self.content[start : int(ends[-1]) if len(ends) else start], ends - start)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> str:
        start = int(self.ends[index - 1]) if index else 0
        content = self.content[start : int(self.ends[index])].tobytes()
        return content.decode("utf-8", "surrogateescape")

    def tolist(self) -> list[str]:
        """Return all of them."""
        content, ends = self.content.tobytes(), self.ends.tolist()
        return [
            content[start:end].decode("utf-8", "surrogateescape")
            for start, end in zip([0, *ends], ends, strict=False)
        ]
