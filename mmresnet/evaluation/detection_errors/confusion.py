"""What a detector takes for what: classes and background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmresnet.evaluation.detection.average_precision import FALSE_POSITIVE
from mmresnet.evaluation.detection_errors.boxes import DetectionSet, Overlaps
from mmresnet.evaluation.detection_errors.matching import Matches


@dataclass(frozen=True)
class Confusion:
    """Each object with what was found in its place, and the detections where nothing is.

    Background is the label after those of the classes: true of a detection without an object,
    predicted of an object without a detection.

    Attributes:
        true, predicted: Labels, (n,).
        object, detection: Their indices, -1 for background, (n,).
        classes: The number of classes.
    """

    true: np.ndarray
    predicted: np.ndarray
    object: np.ndarray
    detection: np.ndarray
    classes: int

    @property
    def counts(self) -> np.ndarray:
        """The confusion matrix, true labels in rows, (classes + 1, classes + 1)."""
        counts = np.zeros((self.classes + 1,) * 2, dtype=int)
        np.add.at(counts, (self.true, self.predicted), 1)
        return counts

    @property
    def wrong(self) -> np.ndarray:
        """Which entries are mistakes, (n,) bool."""
        return self.true != self.predicted


def confusion(
    boxes: DetectionSet,
    pairs: Overlaps,
    matches: Matches,
    score_thr: float | np.ndarray,
    iou_thr: float = 0.5,
) -> Confusion:
    """Return what was found in the place of each object.

    True positives are those of the evaluation. Then a detection that is left is compared, by
    descending score, with the object of another class that it overlaps most among those left.

    Args:
        pairs: All pairs that overlap, as ``overlaps(boxes)`` returns them.
        matches: Those at ``iou_thr``.
        score_thr: Detections below it are left out: one for all, or one for each class.
        iou_thr: The least IoU of a detection with an object.
    """
    found, objects = boxes.detections, boxes.objects
    thresholds = np.broadcast_to(score_thr, len(boxes.classes))
    kept = found.score >= thresholds[found.label]
    finder = np.where(np.append(kept, False)[matches.detection], matches.detection, -1)
    left = (matches.outcome == FALSE_POSITIVE) & kept
    near = pairs[
        (pairs.iou >= iou_thr)
        & left[pairs.detection]
        & ((finder < 0) & ~objects.ignored)[pairs.object]
    ]
    near = near[found.label[near.detection] != objects.label[near.object]]
    for detection, which in zip(near.detection.tolist(), near.object.tolist(), strict=True):
        if left[detection] and finder[which] < 0:
            finder[which] = detection
            left[detection] = False
    counted, alone = np.flatnonzero(~objects.ignored), np.flatnonzero(left)
    nothing = np.full(len(alone), -1)
    object_index = np.concatenate([counted, nothing])
    detection_index = np.concatenate([finder[counted], alone])
    background = len(boxes.classes)
    return Confusion(
        np.append(objects.label, background)[object_index],
        np.append(found.label, background)[detection_index],
        object_index,
        detection_index,
        background,
    )
