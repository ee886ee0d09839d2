"""CIFAR-10, as its own files or as images in class folders."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmresnet.datasets.preparing.archive import Archive, Members, Observe, Read, read_files
from mmresnet.datasets.preparing.archives import TarGzArchive
from mmresnet.datasets.preparing.data_set import Contents, DataSet, Download, Target
from mmresnet.errors import UserError
from mmresnet.weights.formats.detect import FormatError
from mmresnet.weights.formats.numpy_pickles import NumpyReader

_FOLDER = "cifar-10-batches-py"
_PARTS = {"train": [f"data_batch_{n}" for n in range(1, 6)], "test": ["test_batch"]}


class CIFAR10(DataSet):
    """The files of the archive: ``cifar-10-batches-py/data_batch_1`` …"""

    # checksum as in torchvision/datasets/cifar.py
    downloads = (
        Download(
            "cifar-10-python.tar.gz",
            "https://www.cs.toronto.edu/~kriz/cifar.html",
            ("images",),
            md5="c58f30108f718f92721af3b95e74349a",
        ),
    )

    def targets(self, contents: Contents) -> dict[str, Target]:
        """Return the paths of the archive."""
        return {name: lambda path: path for name in contents}


class CIFAR10Images(CIFAR10):
    """Class folders of PNG files, in the archive's order: ``train/airplane/00029.png``."""

    def open(self, path: Path) -> Archive:
        """Return the images as an archive."""
        return CIFAR10Archive(path)


class CIFAR10Archive(TarGzArchive):
    """The archive as if it held a PNG file for each image, of the same pixels."""

    _pixels: list[np.ndarray]  # each (3, 32, 32), RGB

    def survey(self, observe: Observe, every_byte: bool) -> Members:
        images = Members()
        for number, name in enumerate(self._load(super().survey(observe, every_byte))):
            images.add(self.path, name, len(self._png(number)))
        return images

    def contents(self, members: Members, numbers: Sequence[int]) -> Iterator[tuple[int, Read]]:
        if not hasattr(self, "_pixels"):  # an earlier run has surveyed it
            self._load(super().survey(len, False))
        for number in numbers:
            yield number, partial(self._png, number)

    def _load(self, members: Members) -> list[str]:
        """Read all pixels, and return the names of the images."""
        files = [name for names in _PARTS.values() for name in names]
        meta, *batches = self._read_pickles(members, ["batches.meta", *files])
        self._pixels, names = [], []
        parts = [part for part, names in _PARTS.items() for _ in names]
        for part, batch in zip(parts, batches, strict=True):
            self._pixels += list(batch["data"].values.reshape(-1, 3, 32, 32))
            names += [(part, meta["label_names"][label]) for label in batch["labels"]]
        first_test = sum(part == "train" for part, _ in names)
        return [
            f"{part}/{name}/{number - first_test * (part == 'test'):05}.png"
            for number, (part, name) in enumerate(names)
        ]

    def _read_pickles(self, members: Members, files: list[str]) -> list[dict[str, Any]]:
        contents = read_files(TarGzArchive(self.path), members, *files)
        return [self._unpickled(name, data) for name, data in zip(files, contents, strict=True)]

    def _unpickled(self, name: str, content: bytes) -> dict[str, Any]:
        try:
            value: dict[str, Any] = NumpyReader(io.BytesIO(content), len(content)).load()
        except FormatError as error:
            raise UserError(f"'{name}' in '{self.path}' {error}") from error
        return value

    def _png(self, number: int) -> bytes:
        file = io.BytesIO()
        Image.fromarray(self._pixels[number].transpose(1, 2, 0)).save(file, "PNG")
        return file.getvalue()
