"""Making the smaller images of a folder, one at a time, in worker processes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
from torch.utils.data import DataLoader, Dataset

from mmresnet.datasets.decoding import Undecodable
from mmresnet.datasets.resizing.image import Settings, resized
from mmresnet.datasets.resizing.record import Entry
from mmresnet.datasets.resumable import write

_BATCH = 16


class Image(NamedTuple):
    """An image to make smaller: its path below the folder, size, and time in nanoseconds."""

    path: str
    bytes: int
    mtime: int


class Done(NamedTuple):
    """What became of an image.

    Attributes:
        entry: It is there.
        kept: It was there, and has not been written.
        reason: Why it cannot be used.
        error: Why it could not be written.
    """

    path: str
    entry: Entry | None = None
    kept: bool = False
    reason: str | None = None
    error: OSError | None = None


class Work(Dataset[Done]):
    """Images of ``source``; each is written to ``target`` when it is asked for.

    Args:
        there: Entries of images that need not be written if their files have not changed.
    """

    def __init__(
        self,
        source: Path,
        target: Path,
        settings: Settings,
        images: list[Image],
        there: Mapping[str, Entry],
    ) -> None:
        self._source, self._target, self._settings = source, target, settings
        self._images, self._there = images, there

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Done:
        image = self._images[index]
        path, target = image.path, self._target / image.path
        entry = self._there.get(path)
        if entry is not None and _is_unchanged(target, entry):
            return Done(path, entry, kept=True)
        try:
            content = (self._source / path).read_bytes()
            small = resized(content, self._settings)
        except Undecodable as error:
            return Done(path, reason=str(error))
        except OSError as error:
            return Done(path, reason=error.strerror or str(error))
        written = content if small is None else small
        try:
            write(target, written)
        except OSError as error:
            return Done(path, error=error)
        checksum = zlib.crc32(written)
        return Done(path, Entry(image.bytes, image.mtime, len(written), checksum, small is None))

    def results(self, workers: int) -> Iterator[list[Done]]:
        """Make all images in ``workers`` processes; yield a few at a time, in their order."""
        yield from DataLoader(
            self,
            batch_size=_BATCH,
            num_workers=min(workers, -(-len(self) // _BATCH)),
            collate_fn=list,
            worker_init_fn=_one_thread,
        )


def _is_unchanged(path: Path, entry: Entry) -> bool:
    try:
        return zlib.crc32(path.read_bytes()) == entry.checksum
    except OSError:
        return False


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(0)
