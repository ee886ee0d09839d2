"""Writing files from an archive, in several threads."""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from mmresnet.datasets.preparing.archive import Archive, Members, Read
from mmresnet.datasets.resumable import write
from mmresnet.errors import UserError

_FILES, _BYTES = 64, 1 << 23  # at most so many at a time in a thread
_BLOCK = 4096  # what most file systems give to files, in bytes


class File(NamedTuple):
    """A file to write: its number in the archive, its path in the folder, its size in bytes."""

    number: int
    path: str
    size: int


Batch = list[tuple[File, Read]]


def write_all(
    archive: Archive, members: Members, files: list[File], folder: Path, workers: int
) -> Iterator[tuple[int, int, int]]:
    """Write files, a batch at a time; yield the first and last number of each, and its bytes.

    Threads suffice: reading and writing leave Python's lock to others. A compressed tar file is
    read in this one.

    Args:
        files: In the order of their numbers.

    Raises:
        UserError: A file is there already with another content.
    """
    reads = archive.contents(members, [file.number for file in files])
    batches = _batches(zip(files, (read for _, read in reads), strict=True))
    running: deque[Future[tuple[int, int, int]]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for batch in batches:
            running.append(pool.submit(_write, archive.path, batch, folder))
            if len(running) > workers + 1:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _batches(pairs: Iterable[tuple[File, Read]]) -> Iterator[Batch]:
    batch: Batch = []
    size = 0
    for file, read in pairs:
        batch.append((file, read))
        size += file.size
        if len(batch) == _FILES or size >= _BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _write(archive: Path, batch: Batch, folder: Path) -> tuple[int, int, int]:
    for file, read in batch:
        path, content = folder / file.path, read()
        found = path.read_bytes() if path.exists() else None
        if not found:  # an empty file is what a power failure leaves
            write(path, content)
        elif found != content:
            raise UserError(
                f"'{path}' is there already, and is not the file of '{archive}': move it "
                "away, or give another folder."
            )
    return batch[0][0].number, batch[-1][0].number, sum(file.size for file, _ in batch)


def check_room(folder: Path, sizes: list[int]) -> None:
    """Raise a UserError if files of these sizes would not fit into a folder."""
    size = _BLOCK * sum(-(-size // _BLOCK) for size in sizes)
    free, system = shutil.disk_usage(folder).free, os.statvfs(folder)
    if size > free:
        raise UserError(
            f"'{folder}' has room for {free / 1e6:,.1f} MB, and the files that are not there yet "
            f"take {size / 1e6:,.1f} MB: make room, or give another folder."
        )
    if system.f_files and system.f_favail < len(sizes):
        raise UserError(
            f"The file system of '{folder}' takes {system.f_favail:,} more files, and "
            f"{len(sizes):,} are not there yet: give a folder on another one."
        )
