"""Searching folders of images, and remembering what was found until they change.

The time of a folder changes when a name in it is added, removed or renamed. So the folders are
asked for theirs, and only those are read that have another one than when they were read last.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np

from mmresnet.datasets import index_files
from mmresnet.datasets.file_systems import LOCAL, SHARED, file_system
from mmresnet.datasets.image_files import IMAGE_SUFFIXES, class_folders, is_passed_over
from mmresnet.datasets.index_files import Index, Texts, stamp_of

_THREADS = 16  # a drive in a network answers many questions at once


@dataclass
class Found:
    """What a folder of images holds; paths are relative to it.

    Attributes:
        names: The paths of the images, in the order of their classes and, in these, of their paths,
            as mmpretrain's ``CustomDataset`` has them.
        ends: How many images there are up to the end of each class, int64 (classes,).
        classes: The names of the class folders, by label.
        others: Files that were not taken: of other kinds, or in no class folder.
        empty: Those of the images with no content at all.
    """

    names: Texts
    ends: np.ndarray
    classes: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def label(self, row: int) -> int:
        """Return the label of the image in a row of ``names``."""
        return int(np.searchsorted(self.ends, row, "right"))

    @property
    def images(self) -> list[tuple[str, int | None]]:
        """The images with their labels, which are None without classes."""
        counts = np.diff(self.ends, prepend=0)
        labels = (
            np.repeat(np.arange(len(counts)), counts).tolist() if self.classes else repeat(None)
        )
        return list(zip(self.names.tolist(), labels, strict=False))

    @property
    def empty_classes(self) -> list[str]:
        """The names of class folders that hold no image."""
        counts = np.diff(self.ends, prepend=0).tolist()
        return [name for name, count in zip(self.classes, counts, strict=False) if not count]


@dataclass
class _Part:
    """What a class folder holds, or the whole folder without classes.

    ``stamps`` are those of all folders in it; None where they do not show every change.
    """

    names: Texts
    others: list[str]
    empty: list[str]
    stamps: dict[str, list[int]] | None


def find_images(
    folder: str | os.PathLike[str],
    suffixes: Iterable[str] = IMAGE_SUFFIXES,
    by_class: bool = True,
) -> Found:
    """Search a folder, with all folders in it; of class folders, those that have changed.

    Files that were empty are looked at again. That another file has become empty, or a link in a
    folder without other changes, is not noticed here.

    Args:
        suffixes: Endings of the names of images, in lower case.
        by_class: The folders in ``folder`` are the classes, and images beside them are not taken.
    """
    root, endings = os.fspath(folder), tuple(sorted(set(suffixes)))
    classes = class_folders(root) if by_class else []
    names = classes if by_class else [""]
    device, now = os.stat(root).st_dev, time.time_ns()
    key = (os.path.realpath(root), by_class, *endings)
    lasting = file_system(root) in LOCAL | SHARED
    index = index_files.load("images", key) if lasting else None
    known = {} if index is None else _parts(index)

    def part_of(name: str) -> _Part:
        old = known.get(name)
        if old is not None and _is_unchanged(root, old, device):
            old.empty = [path for path in old.empty if _is_empty(f"{root}/{path}")]
            return old
        return _search(root, name, endings, device, now)

    with ThreadPoolExecutor(_THREADS) as pool:
        parts = list(pool.map(part_of, names))
    if (
        index is None
        or list(known) != names
        or any(known[n] is not p for n, p in zip(names, parts, strict=True))
    ):
        index = _index(names, parts)
        if lasting and any(part.stamps for part in parts):
            index = index_files.save("images", key, index)
    arrays = index.arrays
    found = Found(Texts(arrays["names"], arrays["name_ends"]), arrays["ends"], classes)
    for part in parts:
        found.others += part.others
        found.empty += part.empty
    if by_class:
        with os.scandir(root) as entries:
            beside = (e.name for e in entries if not e.is_dir() and not is_passed_over(e.name))
            found.others += sorted(beside)
    return found


def _is_unchanged(root: str, part: _Part, device: int) -> bool:
    """Return whether no name has changed in the folders of a part since they were searched."""
    if part.stamps is None:
        return False
    for path, stamp in part.stamps.items():
        try:
            status = os.stat(f"{root}/{path}")
        except OSError:
            return False
        if status.st_dev != device or stamp_of(status) != tuple(stamp):
            return False
    return True


def _is_empty(path: str) -> bool:
    try:
        return os.stat(path).st_size == 0
    except OSError:  # it was removed a moment ago
        return False


def _search(root: str, name: str, endings: tuple[str, ...], device: int, now: int) -> _Part:
    """Search a class folder, or without a name all of ``root``."""
    files: list[tuple[str, int]] = []
    stamps: dict[str, list[int]] | None = {}
    waiting = [name]
    while waiting:
        path = waiting.pop()
        folder = f"{root}/{path}"
        before = os.stat(folder)
        stamp, prefix = stamp_of(before, now), f"{path}/" if path else ""
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_passed_over(entry.name):
                    continue
                if entry.is_dir():
                    waiting.append(f"{prefix}{entry.name}")
                    continue
                size = entry.stat().st_size if entry.is_file() else -1  # a link that leads nowhere
                files.append((f"{prefix}{entry.name}", size))
                if entry.is_symlink():
                    stamp = None  # where it leads may change elsewhere
        if stamp is None or before.st_dev != device or stamp_of(os.stat(folder)) != stamp:
            stamps = None
        elif stamps is not None:
            stamps[path] = list(stamp)
    part = _Part(Texts.pack(()), [], [], stamps)
    images = []
    for path, size in sorted(files):
        if not path.lower().endswith(endings) or size < 0:
            part.others.append(path)
            continue
        images.append(path)
        if size == 0:
            part.empty.append(path)
    part.names = Texts.pack(images)
    return part


def _index(names: list[str], parts: list[_Part]) -> Index:
    """Return what :func:`_parts` takes apart."""
    texts = Texts.join([part.names for part in parts])
    ends = np.cumsum([len(part.names) for part in parts], dtype=np.int64)
    described: list[Any] = [
        [name, part.others, part.empty, part.stamps]
        for name, part in zip(names, parts, strict=True)
    ]
    arrays = {"names": texts.content, "name_ends": texts.ends, "ends": ends}
    return Index(arrays, {"parts": described})


def _parts(index: Index) -> dict[str, _Part]:
    """Return what is known of each class folder, by its name."""
    texts = Texts(index.arrays["names"], index.arrays["name_ends"])
    parts, first = {}, 0
    for (name, *rest), last in zip(index.meta["parts"], index.arrays["ends"].tolist(), strict=True):
        parts[name] = _Part(texts.part(first, last), *rest)
        first = last
    return parts
