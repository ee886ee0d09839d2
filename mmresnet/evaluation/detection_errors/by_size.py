"""COCO's average precision by class and size of the objects, computed by faster-coco-eval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmresnet.errors import require
from mmresnet.evaluation.detection.class_table import SUMMARY
from mmresnet.evaluation.detection.detection_file import Detections


def by_size(found: Detections) -> np.ndarray:
    """Return the average precisions that ``class_table.SUMMARY`` names.

    By the rule "voc", difficult objects (``ignore``) are treated as COCO treats crowds.

    Returns:
        A row for each class and one for all: (classes + 1, 6), NaN where there are no such objects.
    """
    categories = [one["id"] for one in found.categories]
    if not (found.images and categories):
        return np.full((len(categories) + 1, len(SUMMARY)), np.nan)
    coco = require("faster_coco_eval", "Average precision by size")
    truth = {
        "images": found.images,
        "categories": found.categories,
        "annotations": [
            _annotation(number, one, found.rule) for number, one in enumerate(found.annotations, 1)
        ],
    }
    objects = coco.COCO(truth)
    detections = objects.loadRes([dict(one) for one in found.detections])  # it adds keys to them
    evaluation = coco.COCOeval_faster(objects, detections, "bbox", print_function=lambda *_: None)
    evaluation.params.catIds = categories
    evaluation.params.imgIds = [one["id"] for one in found.images]
    evaluation.params.maxDets = [100]
    evaluation.evaluate()
    evaluation.accumulate()
    # (IoU thresholds, recalls, categories, areas, maxDets), -1 where there are no objects
    precision = evaluation.eval["precision"][..., 0]
    order = [sorted(categories).index(number) for number in categories]
    precision = np.where(precision < 0, np.nan, precision)[:, :, order]
    rows = [precision[:, :, [number]] for number in range(len(categories))]
    return np.array([_summary(one) for one in (*rows, precision)])


def _annotation(number: int, one: Mapping[str, Any], rule: str) -> dict[str, Any]:
    *_, width, height = one["bbox"]
    crowd = bool(one.get("iscrowd")) or (rule == "voc" and bool(one.get("ignore")))
    area = one.get("area", width * height)
    return {**one, "id": number, "area": area, "iscrowd": int(crowd)}


def _summary(precision: np.ndarray) -> list[float]:
    """Return the means of (10 thresholds, recalls, classes, 4 areas) in the order of SUMMARY."""
    parts = [precision[..., 0], precision[0, ..., 0], precision[5, ..., 0]]
    parts += [precision[..., area] for area in (1, 2, 3)]
    return [np.nan if np.isnan(part).all() else float(np.nanmean(part)) for part in parts]
