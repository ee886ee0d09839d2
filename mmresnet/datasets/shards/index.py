"""What the shards of a data set hold: the index, which lies beside them.

The shards are tar files as WebDataset has them, which any tool can read. The index adds where in
them each image is, so that images can be read in any order.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmresnet.datasets import index_files
from mmresnet.datasets.image_index import Found
from mmresnet.datasets.index_files import Index, Texts
from mmresnet.errors import UserError

INDEX = "shards.safetensors"  # the index's name in the folder or below the address
_FORMAT = 1


class StoredFile(NamedTuple):
    """A file in the folder or store: its name there, its size in bytes, its SHA-256."""

    name: str
    size: int
    digest: str


class Row(NamedTuple):
    """An image: the number of its shard, where it is there, its size in bytes, its CRC-32."""

    shard: int
    offset: int
    size: int
    checksum: int


def folder_of(path: str) -> str:
    """Return the first two folders of a path, by which images are sorted: ``train/n01440764``."""
    return "/".join(path.split("/")[:-1][:2])


def sort_key(path: str) -> tuple[list[str], str]:
    """Return by what images are sorted: their class folders, and in these their paths."""
    folder = folder_of(path)
    return folder.split("/") if folder else [], path[len(folder) :].lstrip("/")


@dataclass
class ShardIndex:
    """An index that has been read.

    Attributes:
        shards: The tar files.
        files: What is no image, such as annotations, by path: each is stored as it is.
        columns: ``shard`` int32, ``offset``, ``size`` and ``checksum`` int64, each (images,).
    """

    shards: list[StoredFile]
    files: dict[str, StoredFile]
    columns: dict[str, np.ndarray]
    _folders: list[str]
    _ends: np.ndarray  # of the rows of each folder
    _names: Texts  # below their folders

    @classmethod
    def read(cls, path: Path) -> ShardIndex:
        """Return the index in a file, which is mapped: processes share its memory.

        Raises:
            UserError: It is damaged, or of a later version.
        """
        try:
            index = index_files.read(path)
            arrays, meta = index.arrays, index.meta
            if meta["format"] != _FORMAT:
                raise UserError(
                    f"'{path}' is of format {meta['format']}, and this version of mmresnet reads "
                    f"format {_FORMAT}: upgrade mmresnet, or prepare the shards again."
                )
            return cls(
                [StoredFile(*one) for one in meta["shards"]],
                {path: StoredFile(*one) for path, one in meta["files"].items()},
                {name: arrays[name] for name in Row._fields},
                meta["folders"],
                arrays["folder_ends"],
                Texts(arrays["names"], arrays["name_ends"]),
            )
        except (ValueError, KeyError, TypeError, EOFError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"'{path}' is no index of shards, or damaged ({error}).") from error

    def __len__(self) -> int:
        return len(self._names)

    def row(self, number: int) -> Row:
        """Return where an image is."""
        return Row(*(int(self.columns[name][number]) for name in Row._fields))

    def find(self, path: str) -> int | None:
        """Return the number of an image, or None if there is none of this path."""
        folder = folder_of(path)
        place = bisect_left(self._folders, folder.split("/"), key=lambda one: one.split("/"))
        if place == len(self._folders) or self._folders[place] != folder:
            return None
        last = int(self._ends[place])
        name = path[len(folder) :].lstrip("/")
        number = bisect_left(range(last), name, self._first(place), key=self._names.__getitem__)
        return number if number < last and self._names[number] == name else None

    def images_below(self, folder: str, by_class: bool = True) -> Found:
        """Return the images below ``train``, with the folders in it as their classes.

        Names, order and labels are those that
        :func:`mmresnet.datasets.image_index.find_images` gives for the folder that was packed.
        """
        parts = folder.split("/") if folder else []
        inside = [
            number
            for number, one in enumerate(self._folders)
            if one.split("/")[: len(parts)] == parts or (not parts and not one)
        ]
        if by_class:  # not the images beside the class folders
            inside = [number for number in inside if self._folders[number] not in (folder, "")]
        first = self._first(inside[0]) if inside else 0
        last = int(self._ends[inside[-1]]) if inside else 0
        ends = {
            self._folders[number].split("/")[len(parts)]: int(self._ends[number]) - first
            for number in inside
            if by_class
        }
        names = NamesBelow(self, first, last, len(folder) + 1 if folder else 0)
        empty = np.flatnonzero(self.columns["size"][first:last] == 0).tolist()
        return Found(
            names,
            np.array(list(ends.values()) or [last - first], np.int64),
            list(ends),
            empty=[names[number] for number in empty],
        )

    def tops(self) -> list[str]:
        """Return the names of the folders at the top."""
        return list(dict.fromkeys(one.split("/")[0] for one in self._folders))

    def path(self, number: int) -> str:
        """Return the path of an image below the root."""
        folder = self._folders[int(np.searchsorted(self._ends, number, "right"))]
        return f"{folder}/{self._names[number]}" if folder else self._names[number]

    def _first(self, folder: int) -> int:
        return int(self._ends[folder - 1]) if folder else 0


class NamesBelow(Texts):
    """The paths of images without ``cut`` characters.

    Attributes:
        first, last: The row of the first, and that after the last.
    """

    def __init__(self, index: ShardIndex, first: int, last: int, cut: int) -> None:
        self._index, self.first, self.last, self._cut = index, first, last, cut

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, number: int) -> str:
        return self._index.path(self.first + number)[self._cut :]

    def tolist(self) -> list[str]:
        """Return all of them."""
        return [self[number] for number in range(len(self))]


def index_of(
    paths: list[str],
    rows: list[Row],
    shards: list[StoredFile],
    files: dict[str, StoredFile],
) -> Index:
    """Return the index of images in the order of :func:`sort_key`, as a file has it."""
    folders: dict[str, int] = {}
    for number, path in enumerate(paths, 1):
        folders[folder_of(path)] = number
    names = Texts.pack(sort_key(path)[1] for path in paths)
    table = np.array(rows, np.int64).reshape(-1, len(Row._fields))
    columns: dict[str, Any] = dict(zip(Row._fields, table.T, strict=True))
    columns["shard"] = columns["shard"].astype(np.int32)
    arrays = {
        **columns,
        "names": names.content,
        "name_ends": names.ends,
        "folder_ends": np.array(list(folders.values()), np.int64),
    }
    meta = {"format": _FORMAT, "folders": list(folders), "shards": shards, "files": files}
    return Index(arrays, meta)
