"""Everything that is computed about a detector's errors on a set of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmresnet.evaluation.detection.detection_file import Detections
from mmresnet.evaluation.detection_errors.boxes import DetectionSet, box_set, overlaps
from mmresnet.evaluation.detection_errors.by_size import by_size
from mmresnet.evaluation.detection_errors.confusion import Confusion, confusion
from mmresnet.evaluation.detection_errors.curves import SCORES, ByScore, by_score, precisions
from mmresnet.evaluation.detection_errors.kinds import Errors, Kind, costs, errors
from mmresnet.evaluation.detection_errors.matching import Matches, match

_THRESHOLD = 0.3  # where no detection is right, the default of mmresnet infer


@dataclass(frozen=True)
class Diagnosis:
    """Where a detector fails. The IoU is 0.5 where nothing else is said.

    Attributes:
        sizes: COCO's average precisions by class and size, see :func:`by_size`.
        precision: Each class's precision by recall at an IoU of 0.5 and 0.75, (classes, 101).
        scores: Precision, recall and F1 by the least score.
        costs: What the errors of each kind cost in AP at an IoU of 0.5.
        threshold: The score with the highest F1 of all classes together.
        confusion: That of the detections with at least this score.
    """

    boxes: DetectionSet
    matches: Matches
    sizes: np.ndarray
    precision: dict[float, np.ndarray]
    scores: ByScore
    errors: Errors
    costs: dict[Kind, float]
    threshold: float
    confusion: Confusion


def diagnose(found: Detections) -> Diagnosis:
    """Compare detections with the true boxes, as the run's metric does (``found.rule``)."""
    boxes = box_set(found)
    pairs = overlaps(boxes)
    at = {iou: match(boxes, pairs, iou) for iou in (0.5, 0.75)}
    matches = at[0.5]
    scores = by_score(boxes, matches)
    best = scores.best[-1]
    threshold = float(SCORES[best]) if best >= 0 else _THRESHOLD
    kinds = errors(boxes, pairs, matches)
    return Diagnosis(
        boxes=boxes,
        matches=matches,
        sizes=by_size(found),
        precision={iou: precisions(boxes, one) for iou, one in at.items()},
        scores=scores,
        errors=kinds,
        costs=costs(boxes, matches, kinds),
        threshold=threshold,
        confusion=confusion(boxes, pairs, matches, threshold),
    )
