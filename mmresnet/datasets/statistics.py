"""Statistics of a data set: classes, sizes of images, boxes; of a part of it if it is large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from mmresnet.datasets.check import labels_of
from mmresnet.datasets.shards.paths import openable

MOST_READ, MOST_OPENED = 50_000, 1_000


@dataclass(frozen=True)
class Statistics:
    """What was counted.

    Attributes:
        images: The number of images in the set.
        read: The number of those whose annotations were read, evenly spaced over the set.
        in_class: The number of images or, in a detection set, of boxes of each class in these.
        images_in_class: The number of images in which a class is.
        sizes: (n, 2), width and height of images: of fewer than ``read`` where the files had to be
            opened.
        boxes: (m, 2), width and height of the boxes, in pixels of the images; None in a
            classification set.
        box_labels: (m,), their classes.
        boxes_in_image: (read,), how many boxes an image has.
    """

    images: int
    read: int
    in_class: np.ndarray
    images_in_class: np.ndarray
    sizes: np.ndarray
    boxes: np.ndarray | None
    box_labels: np.ndarray
    boxes_in_image: np.ndarray


def count(datasets: Sequence[Any], classes: int) -> Statistics:
    """Return the statistics of data sets that form one.

    Args:
        classes: How many there are.
    """
    total = sum(map(len, datasets))
    infos = list(_spread(datasets, MOST_READ))
    labels = [np.array(labels_of(info), int) for info in infos]
    joined = np.concatenate([np.zeros(0, int), *labels])
    detection = "instances" in infos[0]
    sizes = [size for info in infos if (size := _known_size(info)) is not None]
    if not sizes:
        sizes = [size for info in _spread(datasets, MOST_OPENED) if (size := _size_of(info))]
    return Statistics(
        images=total,
        read=len(infos),
        in_class=np.bincount(joined, minlength=classes),
        images_in_class=sum(
            (np.bincount(np.unique(one), minlength=classes) for one in labels),
            np.zeros(classes, int),
        ),
        sizes=np.array(sizes, int).reshape(-1, 2),
        boxes=_sides(infos) if detection else None,
        box_labels=joined,
        boxes_in_image=np.array([len(one) for one in labels]),
    )


def _spread(datasets: Sequence[Any], most: int) -> Iterator[dict[str, Any]]:
    """Yield samples of the data sets before their pipelines, at most about ``most``, in order."""
    share = min(1.0, most / max(1, sum(map(len, datasets))))
    for dataset in datasets:
        number = max(1, round(len(dataset) * share))
        for i in range(min(number, len(dataset))):
            yield dataset.get_data_info(i * len(dataset) // number)


def _known_size(info: dict[str, Any]) -> tuple[int, int] | None:
    """Return width and height of an image that does not have to be opened for them."""
    if "width" in info and "height" in info:
        return int(info["width"]), int(info["height"])
    if "img" in info:
        return int(info["img"].shape[1]), int(info["img"].shape[0])
    return None


def _size_of(info: dict[str, Any]) -> tuple[int, int] | None:
    try:
        with Image.open(openable(info["img_path"])) as image:
            width, height = image.size
            turned = image.getexif().get(0x0112, 1) >= 5  # stored on its side
            return (height, width) if turned else (width, height)
    except Exception:  # Pillow raises many kinds for damaged files
        return None


def _sides(infos: Sequence[dict[str, Any]]) -> np.ndarray:
    boxes = [
        instance["bbox"]
        for info in infos
        for instance in info["instances"]
        if not instance.get("ignore_flag")
    ]
    corners = np.array(boxes, float).reshape(-1, 4)
    return corners[:, 2:] - corners[:, :2]
