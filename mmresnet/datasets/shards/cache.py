"""Shards on the disk of a machine, fetched when they are first needed, for all of its processes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
from pathlib import Path
from typing import IO

from filelock import FileLock

from mmresnet.datasets.index_files import cache_folder
from mmresnet.datasets.shards.index import StoredFile
from mmresnet.datasets.shards.stores import Store
from mmresnet.errors import ShardError, UserError

FOLDER = "MMRESNET_SHARDS_CACHE"
LIMIT = "MMRESNET_SHARDS_CACHE_LIMIT"
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FETCHES = 3  # of a shard that arrives with other bytes than it was written with


class Cache:
    """The folder that shards and other files of stores are fetched to.

    A file is named by its checksum, so that shards that were written anew are other files. Each is
    fetched by one process while others wait. It appears under its name complete and checked; what
    a killed process was fetching is fetched again. Where room is needed, those files go that were
    read least recently.

    Attributes:
        folder: ``MMRESNET_SHARDS_CACHE``, or below that of the indices.
        limit: The most bytes that they may take, ``MMRESNET_SHARDS_CACHE_LIMIT``; None is no limit.
    """

    def __init__(self) -> None:
        chosen = os.environ.get(FOLDER)
        own = cache_folder() or Path("~/.cache/mmresnet").expanduser()
        self.folder = Path(chosen).expanduser() if chosen else own / "shards"
        self.limit = cache_limit()

    def path(self, file: StoredFile) -> str:
        """Return where a file is, or will be."""
        return f"{self.folder}/{file.digest}{os.path.splitext(file.name)[1]}"

    def fetch(self, file: StoredFile, store: Store) -> None:
        """Fetch a file unless it is there.

        Raises:
            ShardError: It cannot be read or has other bytes than it should, or there is no room.
        """
        target = Path(self.path(file))
        try:
            (self.folder / "locks").mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / "locks" / file.digest):
                if target.exists():
                    os.utime(target)
                    return
                partial = self.folder / f"{file.digest}.partial"
                for left in reversed(range(_FETCHES)):
                    with open(partial, "w+b") as content:
                        self._reserve(content, file)
                        store.fetch(file.name, content)
                        digest = _digest(content)
                    if digest == file.digest:
                        break
                    partial.unlink()
                    if not left:
                        raise ShardError(
                            f"'{store.root}/{file.name}' has been changed or damaged: its SHA-256 "
                            f"is {digest[:12]}…, and that of the shard that was written is "
                            f"{file.digest[:12]}…, the same in {_FETCHES} fetches. Write it again "
                            "by mmresnet prepare."
                        )
                os.replace(partial, target)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(f"{self.folder}/{file.digest}.partial")
            if error.errno in _FULL:
                raise self._no_room(file) from error
            raise ShardError(f"The cache '{self.folder}' cannot be written ({error}).") from error

    def _reserve(self, content: IO[bytes], file: StoredFile) -> None:
        """Take the room that a file needs, and remove others for it.

        Raises:
            ShardError: There are no others.
            OSError: The disk cannot be written.
        """
        with FileLock(self.folder / "locks" / "room"):
            while True:
                others = self._files()
                taken = sum(status.st_size for _, status in others)
                if self.limit is None or taken + file.size <= self.limit:
                    try:
                        os.posix_fallocate(content.fileno(), 0, max(file.size, 1))
                        os.ftruncate(content.fileno(), file.size)
                        return
                    except OSError as error:
                        if error.errno not in _FULL:
                            raise
                        os.ftruncate(content.fileno(), 0)
                complete = [one for one in others if one[0].suffix != ".partial"]
                if not complete:
                    raise self._no_room(file)
                oldest = min(complete, key=lambda one: one[1].st_mtime_ns)[0]
                oldest.unlink(missing_ok=True)

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        for entry in os.scandir(self.folder):
            with contextlib.suppress(FileNotFoundError):  # another process has removed it
                if entry.is_file():
                    found.append((Path(entry.path), entry.stat()))
        return found

    def _no_room(self, file: StoredFile) -> ShardError:
        limit = "" if self.limit is None else f" within {LIMIT}={os.environ[LIMIT]}"
        return ShardError(
            f"The cache '{self.folder}' has no room for '{file.name}', {file.size / 1e6:,.1f} MB"
            f"{limit}, and nothing is left to remove: make room, or name a folder on another disk "
            f"by {FOLDER}."
        )


def _digest(content: IO[bytes]) -> str:
    content.flush()
    content.seek(0)
    checksum = hashlib.sha256()
    while part := content.read(1 << 20):
        checksum.update(part)
    return checksum.hexdigest()


def cache_limit() -> int | None:
    """Return ``MMRESNET_SHARDS_CACHE_LIMIT`` in bytes, or None if it is not set.

    Raises:
        UserError: It is no size.
    """
    text = os.environ.get(LIMIT, "").strip()
    if not text:
        return None
    found = re.fullmatch(r"([\d.]+)\s*([KMGT]?B)?", text.upper())
    try:
        return int(float(found[1]) * _UNITS[found[2] or ""]) if found else int(text)
    except ValueError as error:
        raise UserError(f"{LIMIT}={text} is no size: write it as 500MB, 200GB or 2TB.") from error
