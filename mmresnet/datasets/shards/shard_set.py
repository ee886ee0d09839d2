"""A data set in shards: its images and other files, by their paths or rows."""

from __future__ import annotations

import errno
import hashlib
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from mmresnet.atomic import atomic_write
from mmresnet.datasets.shards.cache import Cache
from mmresnet.datasets.shards.index import INDEX, NamesBelow, ShardIndex, StoredFile
from mmresnet.datasets.shards.stores import Store, is_address, store_at
from mmresnet.errors import ShardError, UserError

_OPENINGS = 20  # of a shard that others remove between its fetch and its opening


class ShardSet:
    """The data set whose shards lie in a folder or below an address.

    Its object may be sent to other processes, which open it anew.

    Args:
        root: As ``data_root`` in a config.

    Attributes:
        index: What the shards hold.

    Raises:
        UserError: There is no index, or it cannot be read.
    """

    def __init__(self, root: str) -> None:
        self.store: Store = store_at(root)
        self.root = self.store.root
        self.cache = Cache() if is_address(root) else None
        self.index = ShardIndex.read(self._index_file())
        self._paths = [self._path(one) for one in self.index.shards]

    def __reduce__(self) -> tuple[Any, ...]:
        return open_set, (self.root,)

    def __deepcopy__(self, memo: dict[int, Any]) -> ShardSet:
        return self  # it does not change

    def _path(self, file: StoredFile) -> str:
        return f"{self.root}/{file.name}" if self.cache is None else self.cache.path(file)

    def _index_file(self) -> Path:
        """Return the file of the index; of a store, the one on this machine if it is still valid.

        It is fetched again when the store's has another ETag or size.
        """
        if self.cache is None:
            return Path(self.root, INDEX)
        try:
            version = self.store.version(INDEX)
            if version is None:
                raise UserError(
                    f"There are no shards at '{self.root}': it holds no '{INDEX}'. mmresnet "
                    f"prepare … --shards {self.root} writes them."
                )
            server = os.environ.get("AWS_ENDPOINT_URL", "")
            known = "\0".join((server, self.root, *map(str, version)))
            name = hashlib.sha256(known.encode()).hexdigest()[:32]
            path = self.cache.folder / "indices" / f"{name}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                if not path.exists():
                    with atomic_write(path, "wb") as file:
                        self.store.fetch(INDEX, file)
        except ShardError as error:
            raise UserError(str(error)) from error
        except OSError as error:
            if isinstance(error, UserError):
                raise
            raise UserError(
                f"The cache '{self.cache.folder}' cannot be written ({error})."
            ) from error
        return path

    def rows_of(self, paths: Iterable[str]) -> np.ndarray:
        """Return the row of each image in the index, int64 (n,).

        Raises:
            UserError: There is no such image.
        """
        rows = []
        for path in paths:
            row = self.index.find(path)
            if row is None:
                raise UserError(f"'{self.root}' holds no image '{path}'.")
            rows.append(row)
        return np.array(rows, np.int64)

    def bytes_below(self, folder: str) -> int:
        """Return the size of the shards that hold the images below a folder."""
        names = self.index.images_below(folder, by_class=False).names
        assert isinstance(names, NamesBelow)
        used = np.unique(self.index.columns["shard"][names.first : names.last]).tolist()
        return sum(self.index.shards[number].size for number in used)

    def content(self, path: str) -> bytes:
        """Return the content of an image or another file.

        Raises:
            FileNotFoundError: There is none of this path.
            ShardError: It cannot be fetched, or has been changed or damaged.
        """
        row = self.index.find(path)
        if row is None:
            return Path(self.local_file(path)).read_bytes()
        place = self.index.row(row)
        content = self._read(place.shard, place.offset, place.size)
        if len(content) < place.size or zlib.crc32(content) != place.checksum:
            raise ShardError(
                f"'{self.root}/{self.index.shards[place.shard].name}' has been changed or damaged: "
                f"'{path}' in it has another checksum than when it was written. Write it again by "
                "mmresnet prepare."
            )
        return content

    def _read(self, shard: int, offset: int, size: int) -> bytes:
        for _ in range(_OPENINGS):
            try:
                file = os.open(self._paths[shard], os.O_RDONLY)
            except FileNotFoundError as error:
                if self.cache is None:
                    raise ShardError(f"There is no shard '{self._paths[shard]}'.") from error
                self.cache.fetch(self.index.shards[shard], self.store)
                continue
            try:
                if self.cache is not None:
                    os.utime(file)  # the least recently read goes first
                return os.pread(file, size, offset)
            finally:
                os.close(file)
        assert self.cache is not None
        raise ShardError(
            f"The cache '{self.cache.folder}' is too small: '{self.index.shards[shard].name}' was "
            f"removed for others {_OPENINGS} times before it could be read."
        )

    def local_file(self, path: str) -> str:
        """Return where on this machine a file that is no image is, and fetch it if need be.

        Raises:
            FileNotFoundError: There is none of this path.
            ShardError: It cannot be fetched.
        """
        file = self.index.files.get(path)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, f"not among the shards at '{self.root}'", path)
        local = self._path(file)
        if self.cache is not None:
            self.cache.fetch(file, self.store)
        return local

    def holds(self, path: str) -> bool:
        """Return whether there is an image or another file of this path."""
        return path in self.index.files or self.index.find(path) is not None


_opened: dict[str, ShardSet] = {}


def open_set(root: str) -> ShardSet:
    """Return the data set at ``root``, which is opened once in a process."""
    root = store_at(root).root
    if root not in _opened:
        _opened[root] = ShardSet(root)
    return _opened[root]


def opened() -> dict[str, ShardSet]:
    """Return the data sets that this process has opened, by their roots."""
    return _opened
