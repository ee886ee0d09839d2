"""Precision by recall, and precision, recall and F1 by the least score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmresnet.evaluation.detection.average_precision import IGNORED, TRUE_POSITIVE, precision_recall
from mmresnet.evaluation.detection_errors.boxes import DetectionSet
from mmresnet.evaluation.detection_errors.matching import Matches

RECALLS = np.linspace(0, 1, 101)  # at which COCO samples the precision
SCORES = np.linspace(0, 1, 101)


def precisions(boxes: DetectionSet, matches: Matches) -> np.ndarray:
    """Return the precision of each class at the 101 ``RECALLS``, as COCO samples it.

    It is the highest precision at this recall or above, 0 where the recall is not reached, and NaN
    for a class without objects: (classes, 101). The mean over recalls is the average precision.
    """
    found = boxes.detections
    result = np.full((len(boxes.classes), len(RECALLS)), np.nan)
    for label, positives in enumerate(boxes.positives.tolist()):
        if positives:
            own = found.label == label
            result[label] = interpolated(matches.outcome[own], found.score[own], positives)
    return result


def interpolated(outcome: np.ndarray, score: np.ndarray, positives: int) -> np.ndarray:
    """Return the precisions of one class at ``RECALLS``, (101,).

    Args:
        outcome: Of each detection of the class: TRUE_POSITIVE, FALSE_POSITIVE or IGNORED.
        score: Of each.
        positives: The number of objects to find, at least 1.
    """
    _, precision, recall = precision_recall(outcome, score, positives)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return np.append(highest, 0.0)[np.searchsorted(recall, RECALLS)]


@dataclass(frozen=True)
class ByScore:
    """What is found if detections below a score are left out, for each of ``SCORES``.

    The rows are the classes and, last, all of them together. A class without objects has the recall
    and the F1 NaN; the precision is NaN where nothing is left.

    Attributes:
        precision: True positives among the detections, (classes + 1, 101).
        recall: True positives among the objects, (classes + 1, 101).
        f1: Their harmonic mean, (classes + 1, 101).
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """The index in ``SCORES`` of each row's highest F1, -1 without any: (classes + 1,).

        Of several scores with the same F1 it is the middle one, as the least likely to be wrong for
        other images.
        """
        found = []
        for f1 in self.f1:
            highest = np.flatnonzero(f1 == np.nanmax(f1)) if (f1 > 0).any() else np.array([-1])
            found.append(highest[len(highest) // 2])
        return np.array(found, dtype=int)


def by_score(boxes: DetectionSet, matches: Matches) -> ByScore:
    """Return precision, recall and F1 of each class and of all, by the least score."""
    found = boxes.detections
    counts = np.zeros((2, len(boxes.classes) + 1, len(SCORES)))  # true positives, detections
    for label in range(len(boxes.classes)):
        own = (found.label == label) & (matches.outcome != IGNORED)
        true = matches.outcome[own] == TRUE_POSITIVE
        # detections are sorted by descending score; the first so many reach each threshold
        reach = np.searchsorted(-found.score[own], -SCORES, side="right")
        counts[0, label] = np.append(0, np.cumsum(true))[reach]
        counts[1, label] = reach
    counts[:, -1] = counts[:, :-1].sum(axis=1)
    positives = np.append(boxes.positives, boxes.positives.sum())[:, None].astype(float)
    true, kept = counts
    with np.errstate(invalid="ignore"):
        f1 = np.where(positives > 0, 2 * true / (kept + positives), np.nan)
        return ByScore(true / kept, true / positives, f1)
