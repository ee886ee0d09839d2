"""Average precision as PASCAL VOC and ILSVRC define it: matching, and the curve's summary.

Boxes are continuous: x1, y1, x2, y2, and x2 - x1 is the width. The development kits count the
pixels from first to last, ``x2 - x1 + 1``, which is the same width of the same box.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torchvision.ops import box_iou

EvalMode = Literal["11points", "area"]
TRUE_POSITIVE, IGNORED, FALSE_POSITIVE = 1, 0, -1


def overlaps(boxes: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each of (n, 4) with each of (m, 4), as (n, m)."""
    return np.asarray(box_iou(torch.from_numpy(boxes), torch.from_numpy(objects)).numpy())


def match_voc(ious: np.ndarray, difficult: np.ndarray, threshold: float) -> np.ndarray:
    """Match detections of a class in an image as VOC's ``VOCevaldet.m`` does.

    Each is compared with the object that it overlaps most, whether that is taken or not. If the
    overlap is at least the threshold, it is a true positive where it is the object's first one, and
    a false positive where it is a further one; with an object that is difficult it is ignored.

    Args:
        ious: Intersections over unions, (detections, objects); detections by descending score.
        difficult: Whether an object is, (objects,).

    Returns:
        ``TRUE_POSITIVE``, ``IGNORED`` or ``FALSE_POSITIVE`` of each detection.
    """
    outcomes = np.full(len(ious), FALSE_POSITIVE)
    if not ious.shape[1]:
        return outcomes
    best = ious.argmax(axis=1)
    taken: set[int] = set()
    for row in np.flatnonzero(ious.max(axis=1) >= threshold).tolist():
        one = int(best[row])
        if difficult[one]:
            outcomes[row] = IGNORED
        elif one not in taken:
            taken.add(one)
            outcomes[row] = TRUE_POSITIVE
    return outcomes


def match_ilsvrc(ious: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Match detections of a class in an image as ILSVRC's ``eval_detection.m`` does.

    Each is matched with the object that it overlaps most among those not matched yet of which it
    reaches the threshold.

    Args:
        ious: As for :func:`match_voc`.
        thresholds: The least overlap with each object, (objects,).

    Returns:
        ``TRUE_POSITIVE`` or ``FALSE_POSITIVE`` of each detection.
    """
    outcomes = np.full(len(ious), FALSE_POSITIVE)
    possible = np.where(ious >= thresholds, ious, -1.0)
    for row in np.flatnonzero((possible >= 0).any(axis=1)).tolist():
        one = int(possible[row].argmax())
        if possible[row, one] >= 0:
            outcomes[row] = TRUE_POSITIVE
            possible[:, one] = -1.0
    return outcomes


def ilsvrc_thresholds(objects: np.ndarray) -> np.ndarray:
    """Return the least overlap with each object, (n, 4): 0.5, and less for a small one.

    It is w * h / ((w + 10) * (h + 10)): the box may be larger by five pixels on each side.
    """
    width, height = (objects[:, 2:] - objects[:, :2]).T
    return np.minimum(0.5, width * height / ((width + 10) * (height + 10)))


def precision_recall(
    outcomes: np.ndarray, scores: np.ndarray, positives: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the number of true positives, the precision and the recall at each detection.

    Args:
        outcomes: Of each detection, in the order of images.
        scores: Of each detection. Of equal ones, the first comes first.
        positives: The number of objects to find, at least 1.
    """
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(outcomes[order] == TRUE_POSITIVE)
    wrong = np.cumsum(outcomes[order] == FALSE_POSITIVE)
    precision = found / np.maximum(found + wrong, 1)  # 0 / 0 where all so far are ignored
    return found, precision, found / positives


def average_precision(found: np.ndarray, precision: np.ndarray, positives: int, mode: str) -> float:
    """Summarize a curve of precision over recall.

    Args:
        found: The number of true positives at each detection.
        precision: The precision at each.
        positives: The number of objects to find, at least 1.
        mode: "11points" is VOC's until 2009: the mean, over the recalls 0, 0.1 … 1, of the highest
            precision at this recall or above. "area" is VOC's since 2010, and ILSVRC's: the area
            under the curve, made monotonically decreasing.
    """
    highest = np.maximum.accumulate(precision[::-1])[::-1]  # at this recall or above
    if mode == "11points":
        # compared as integers: 3 of 10 objects are a recall of 0.3
        starts = np.searchsorted(10 * found, np.arange(11) * positives)
        return float(np.append(highest, 0.0)[starts].sum() / 11)
    gained = np.diff(found, prepend=0)  # the recall rises with true positives only
    return float((gained * highest).sum() / positives)
