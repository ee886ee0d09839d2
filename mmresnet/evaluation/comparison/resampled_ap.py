"""COCO's average precision in many resamples of the images, from one matching of the boxes.

Matching depends on an image alone. In a resample, detections and objects of an image count as often
as it was drawn.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmresnet.errors import require

_RECALLS = np.linspace(0, 1, 101)
_AT_ONCE = 4_000_000  # resamples × detections in memory


@dataclass(frozen=True)
class ClassMatches:
    """The detections of a class in all images, by descending score, and what they match.

    Attributes:
        images: (D,) int64, the row of the image of each.
        scores: (D,) float64.
        objects: (T, D) int64, the annotation matched at each IoU threshold: its place in the list
            from 1 on, 0 for none.
        ignored: (T, D) bool, whether a detection does not count: it is within a crowd.
        counts: (N,) int64, the number of objects in each image, without crowds.
    """

    images: np.ndarray
    scores: np.ndarray
    objects: np.ndarray
    ignored: np.ndarray
    counts: np.ndarray


def match_classes(
    images: Sequence[Mapping[str, Any]],
    categories: Sequence[Mapping[str, Any]],
    annotations: Sequence[Mapping[str, Any]],
    detections: Sequence[Mapping[str, Any]],
) -> list[ClassMatches]:
    """Match the boxes of a detector as pycocotools does, at IoU 0.50, 0.55 … 0.95.

    At most 100 detections of a class in an image count. The arguments are lists of COCO's format.
    An annotation with ``ignore``, such as one that VOC calls difficult, counts as a crowd does.

    Returns:
        One for each category, in their order.
    """
    coco = require("pycocotools.coco", "Comparing detectors")
    cocoeval = require("pycocotools.cocoeval", "Comparing detectors")
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        truth = coco.COCO()
        truth.dataset = {
            "images": list(images),
            "categories": list(categories),
            "annotations": _complete(annotations),
        }
        truth.createIndex()
        found = coco.COCO()
        found.dataset = {**truth.dataset, "annotations": _complete(detections)}
        found.createIndex()
        evaluation = cocoeval.COCOeval(truth, found, "bbox")
        evaluation.params.imgIds = [one["id"] for one in images]
        evaluation.params.areaRng = evaluation.params.areaRng[:1]  # all
        evaluation.params.maxDets = [100]
        evaluation.evaluate()
    ids, kinds = evaluation.params.imgIds, evaluation.params.catIds  # it sorts them
    rows = {one["id"]: row for row, one in enumerate(images)}
    image_rows = np.array([rows[number] for number in ids], np.int64)
    thresholds = len(evaluation.params.iouThrs)
    by_category = {
        kind: _join(evaluation.evalImgs[i * len(ids) : (i + 1) * len(ids)], image_rows, thresholds)
        for i, kind in enumerate(kinds)
    }
    return [by_category[one["id"]] for one in categories]


def _complete(boxes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return boxes with all that pycocotools reads; it takes the id 0 for no match."""
    return [
        {
            "area": one["bbox"][2] * one["bbox"][3],
            **one,
            "id": number,
            "iscrowd": int(bool(one.get("iscrowd") or one.get("ignore"))),
        }
        for number, one in enumerate(boxes, start=1)
    ]


def _join(evaluated: Sequence[Any], image_rows: np.ndarray, thresholds: int) -> ClassMatches:
    """Join what pycocotools gives for each image, None where it has nothing of the class."""
    counts = np.zeros(len(image_rows), np.int64)
    images, scores = [np.zeros(0, np.int64)], [np.zeros(0)]
    objects, ignored = [np.zeros((thresholds, 0), np.int64)], [np.zeros((thresholds, 0), bool)]
    for row, one in zip(image_rows.tolist(), evaluated, strict=True):
        if one is None:
            continue
        counts[row] = np.count_nonzero(np.asarray(one["gtIgnore"]) == 0)
        images.append(np.full(len(one["dtScores"]), row))
        scores.append(np.asarray(one["dtScores"], float))
        objects.append(np.asarray(one["dtMatches"]).astype(np.int64))
        ignored.append(np.asarray(one["dtIgnore"]).astype(bool))
    score = np.concatenate(scores)
    order = np.argsort(-score, kind="mergesort")
    return ClassMatches(
        np.concatenate(images)[order],
        score[order],
        np.concatenate(objects, axis=1)[:, order],
        np.concatenate(ignored, axis=1)[:, order],
        counts,
    )


def average_precisions(classes: Sequence[ClassMatches], drawn: np.ndarray) -> np.ndarray:
    """Return the AP of each class in each resample, (B, C); NaN where it has no objects.

    It is COCO's: the mean over IoU thresholds and over 101 recalls of the highest precision at
    this recall or above.

    Args:
        drawn: (B, N), how often each image is drawn; a row of ones gives the AP itself.
    """
    found = np.full((len(drawn), len(classes)), np.nan)
    for column, one in enumerate(classes):
        for part in _parts(len(drawn), len(one.images)):
            objects = drawn[part] @ one.counts
            where = np.flatnonzero(objects)
            rows = np.arange(part.start, part.stop)[where]
            found[rows, column] = _class_precision(one, drawn[rows], objects[where])
    return found


def _parts(resamples: int, detections: int) -> Iterator[slice]:
    step = max(1, _AT_ONCE // max(1, detections))
    for start in range(0, resamples, step):
        yield slice(start, min(start + step, resamples))


def _class_precision(one: ClassMatches, drawn: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Return the AP in each resample, (B,); ``objects`` has the number of objects in each."""
    weights = drawn[:, one.images]
    detected = np.cumsum(weights, axis=1)
    total = np.zeros(len(drawn))
    for matched, ignored in zip(one.objects > 0, one.ignored, strict=True):
        at = np.flatnonzero(matched & ~ignored)  # the recall rises with true positives only
        if not at.size:
            continue
        counted = detected[:, at]
        if ignored.any():
            counted = counted - np.cumsum(weights * ignored, axis=1)[:, at]
        true = np.cumsum(weights[:, at], axis=1)
        precision = true / np.maximum(counted, 1)
        highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        reached = np.searchsorted(_RECALLS, true / objects[:, None], side="right")
        total += (np.diff(reached, axis=1, prepend=0) * highest).sum(axis=1)
    return total / (len(_RECALLS) * len(one.objects))
