"""Reading all images of a data set beforehand, to find those that cannot be used."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mmcv.transforms import LoadImageFromFile as StockLoader
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from mmresnet.datasets.coco.checks import OUTSIDE
from mmresnet.datasets.loading import LoadImageFromFile, check_size, own_loader
from mmresnet.errors import SampleError


@dataclass
class File:
    """What reading an image has shown.

    Attributes:
        size: Width and height in pixels; None if it cannot be decoded.
        format: Pillow's name for its format; None if it is unknown.
        digest: A hash of the content; None if it cannot be read.
        reason: Why it cannot be used; None if it can.
    """

    path: str
    size: tuple[int, int] | None = None
    format: str | None = None
    digest: bytes | None = None
    reason: str | None = None


@dataclass
class SetReport:
    """What a data set holds.

    Attributes:
        images: The number of images read.
        in_class: The number of images or, in a detection set, of boxes of each class.
        formats: The number of images of each format.
        sizes: The number of images of each size, (width, height).
        bad: Reasons, by the path of an image that cannot be used.
        boxes_outside: Annotations outside of their images: id, image.
        not_taken: Files in the folder that are no part of the set.
        digests: The first image with this content.
        copies: Pairs of images with the same content.
    """

    images: int = 0
    in_class: dict[str, int] = field(default_factory=dict)
    formats: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    bad: dict[str, str] = field(default_factory=dict)
    boxes_outside: list[tuple[int, str]] = field(default_factory=list)
    not_taken: list[str] = field(default_factory=list)
    digests: dict[bytes, str] = field(default_factory=dict)
    copies: list[tuple[str, str]] = field(default_factory=list)

    def add(self, file: File) -> None:
        """Count an image."""
        self.images += 1
        if file.reason is not None:
            self.bad[file.path] = file.reason
        if file.format is not None:
            self.formats[file.format] += 1
        if file.size is not None:
            self.sizes[file.size] += 1
        if file.digest is not None:
            first = self.digests.setdefault(file.digest, file.path)
            if first != file.path:
                self.copies.append((first, file.path))

    def shared_with(self, other: SetReport) -> list[tuple[str, str]]:
        """Return the images of ``other`` with the content of one here: its path, and theirs."""
        return [
            (path, other.digests[digest])
            for digest, path in self.digests.items()
            if digest in other.digests
        ]


def report_on(datasets: Iterable[Any]) -> SetReport:
    """Return a report on data sets that form one, with everything but their images."""
    report, counts = SetReport(), Counter[int]()
    names: tuple[str, ...] = ()
    for dataset in datasets:
        names = tuple(dataset.metainfo.get("classes") or ())
        for index in range(len(dataset)):
            counts.update(labels_of(dataset.get_data_info(index)))
        report.not_taken += getattr(dataset, "not_taken", ())
        report.boxes_outside += getattr(dataset, "boxes_left_out", {}).get(OUTSIDE, ())
    report.in_class = {name: counts[label] for label, name in enumerate(names)}
    return report


def labels_of(info: dict[str, Any]) -> list[int]:
    """Return the classes of a sample: of its boxes, or of the image itself."""
    if "instances" in info:
        return [one["bbox_label"] for one in info["instances"] if not one.get("ignore_flag")]
    label = info.get("gt_label", [])
    return [int(label)] if isinstance(label, int) else [int(one) for one in label]


def parts_of(dataset: Any) -> Iterator[Any]:
    """Yield the data sets in wrappers such as mmengine's ``ConcatDataset``, each once."""
    inner = getattr(dataset, "datasets", None) or [getattr(dataset, "dataset", None)]
    if inner == [None]:
        yield dataset
    for one in inner:
        if one is not None:
            yield from parts_of(one)


def has_files(dataset: Any) -> bool:
    """Return whether the images of a data set are files, and not in memory."""
    return len(dataset) > 0 and "img_path" in dataset.get_data_info(0)


def read_files(dataset: Any, workers: int) -> Iterator[list[File]]:
    """Read all images of a data set as its pipeline would, in ``workers`` processes.

    Returns:
        What was found, a few images at a time, in the order of the set.
    """
    loader = DataLoader(
        _Files(dataset),
        batch_size=16,
        num_workers=workers,
        collate_fn=list,
        worker_init_fn=_one_thread,
    )
    yield from loader


class _Files(Dataset[File]):
    def __init__(self, dataset: Any) -> None:
        steps = getattr(dataset.pipeline, "transforms", [])
        loaders = [own_loader(step) for step in steps if isinstance(step, StockLoader)]
        self._loader = loaders[0] if loaders else LoadImageFromFile()
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> File:
        info = self._dataset.get_data_info(index)
        file = File(info["img_path"])
        loader = self._loader
        try:
            content = loader.read(file.path)
            file.digest = hashlib.blake2b(content, digest_size=16).digest()
            file.format = _format(content)
            image = loader.decode(content, file.path)
            file.size = (image.shape[1], image.shape[0])
            check_size(info, *image.shape[:2])
        except SampleError as error:
            file.reason = error.reason
        return file


def _format(content: bytes) -> str | None:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.format
    except Exception:  # Pillow raises many kinds for damaged files
        return None


def _one_thread(worker: int) -> None:
    import cv2

    cv2.setNumThreads(0)
