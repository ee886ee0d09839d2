"""The objects and detections of a set of images as columns, and which of them overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mmresnet.errors import require
from mmresnet.evaluation.detection.detection_file import Detections

# what COCO evaluates: the best 100 detections of a class in an image; VOC evaluates all
_MOST = {"coco": 100, "voc": None}
# the flags of annotations that count neither way: COCO's evaluation overwrites "ignore"
_IGNORED = {"coco": ("iscrowd",), "voc": ("iscrowd", "ignore")}


@dataclass(frozen=True)
class Boxes:
    """n boxes: objects, or detections by descending score.

    Attributes:
        image: The index of each one's image, (n,).
        label: The index of its class, (n,).
        box: x, y, width and height in pixels of the image, (n, 4).
    """

    image: np.ndarray
    label: np.ndarray
    box: np.ndarray

    def __len__(self) -> int:
        return len(self.image)

    @property
    def corners(self) -> np.ndarray:
        """x1, y1, x2, y2 of each, (n, 4)."""
        return np.hstack([self.box[:, :2], self.box[:, :2] + self.box[:, 2:]])


@dataclass(frozen=True)
class Objects(Boxes):
    """Annotated boxes; ``ignored`` are those that count neither way: crowds, difficult objects."""

    ignored: np.ndarray  # (n,) bool
    crowd: np.ndarray  # (n,) bool


@dataclass(frozen=True)
class ScoredBoxes(Boxes):
    """Detected boxes and their scores, of which none is above the one before."""

    score: np.ndarray  # (n,)


@dataclass(frozen=True)
class DetectionSet:
    """What was annotated and what was found in a set of images.

    Attributes:
        images: The number of images.
        rule: How detections are matched with objects, a name in ``matching.RULES``.
    """

    classes: tuple[str, ...]
    images: int
    objects: Objects
    detections: ScoredBoxes
    rule: str = "coco"

    @cached_property
    def positives(self) -> np.ndarray:
        """The number of objects of each class that have to be found, (classes,)."""
        labels = self.objects.label[~self.objects.ignored]
        return np.bincount(labels, minlength=len(self.classes))


def box_set(found: Detections) -> DetectionSet:
    """Return the boxes of a file of detections.

    An annotation with ``iscrowd``, or by the rule "voc" with ``ignore`` (a difficult object),
    counts neither way. Those of categories that are not listed are left out.
    """
    images = {one["id"]: index for index, one in enumerate(found.images)}
    labels = {one["id"]: index for index, one in enumerate(found.categories)}

    def columns(boxes: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return (
            np.array([images[one["image_id"]] for one in boxes], dtype=int),
            np.array([labels[one["category_id"]] for one in boxes], dtype=int),
            np.array([one["bbox"] for one in boxes], dtype=float).reshape(-1, 4),
        )

    objects = [one for one in found.annotations if one["category_id"] in labels]
    crowd = np.array([bool(one.get("iscrowd")) for one in objects], dtype=bool)
    ignored = [any(one.get(flag) for flag in _IGNORED[found.rule]) for one in objects]
    score = np.array([one["score"] for one in found.detections], dtype=float)
    order = np.argsort(-score, kind="stable")
    image, label, box = (column[order] for column in columns(found.detections))
    kept = rank_in_group(image * len(labels) + label) < (_MOST[found.rule] or len(score))
    return DetectionSet(
        tuple(str(one["name"]) for one in found.categories),
        len(images),
        Objects(*columns(objects), np.array(ignored, dtype=bool), crowd),
        ScoredBoxes(image[kept], label[kept], box[kept], score[order][kept]),
        found.rule,
    )


def rank_in_group(group: np.ndarray) -> np.ndarray:
    """Return how many elements of the same group stand before each element, (n,)."""
    order = np.argsort(group, kind="stable")
    _, first, size = np.unique(group[order], return_index=True, return_counts=True)
    rank = np.empty(len(group), dtype=int)
    rank[order] = np.arange(len(group)) - np.repeat(first, size)
    return rank


@dataclass(frozen=True)
class Overlaps:
    """The pairs of a detection and an object of the same image that overlap.

    They are sorted by descending score, then by descending IoU.

    Attributes:
        detection: The index of the detection, (pairs,).
        object: The index of the object, (pairs,).
        iou: Their intersection over union, or over the detection's area for a crowd, (pairs,).
    """

    detection: np.ndarray
    object: np.ndarray
    iou: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> Overlaps:
        return Overlaps(self.detection[chosen], self.object[chosen], self.iou[chosen])

    def best(self, detections: int) -> tuple[np.ndarray, np.ndarray]:
        """Return each detection's highest IoU, else 0, and the object, else -1: (detections,)."""
        which, first = np.unique(self.detection, return_index=True)
        iou, found = np.zeros(detections), np.full(detections, -1)
        iou[which], found[which] = self.iou[first], self.object[first]
        return iou, found


def overlaps(boxes: DetectionSet) -> Overlaps:
    """Return the detections and objects that overlap, whatever their classes."""
    mask = require("pycocotools.mask", "Matching detections")
    found, objects = boxes.detections, boxes.objects
    parts = [(np.empty(0, int), np.empty(0, int), np.empty(0))]
    for rows, columns in zip(_by_image(found, boxes), _by_image(objects, boxes), strict=True):
        if not (len(rows) and len(columns)):
            continue
        iou = mask.iou(found.box[rows], objects.box[columns], objects.crowd[columns])
        row, column = np.nonzero(iou > 0)  # it is NaN for two boxes without area
        parts.append((rows[row], columns[column], iou[row, column]))
    detection, which, iou = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Overlaps(detection, which, iou)[np.lexsort((which, -iou, detection))]


def _by_image(boxes: Boxes, parent: DetectionSet) -> Iterator[np.ndarray]:
    """Yield the indices of each image's boxes."""
    order = np.argsort(boxes.image, kind="stable")
    ends = np.cumsum(np.bincount(boxes.image, minlength=parent.images))
    start = 0
    for end in ends.tolist():
        yield order[start:end]
        start = end
