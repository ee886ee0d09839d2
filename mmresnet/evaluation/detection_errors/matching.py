"""Which detections are true positives, by the rules of COCO and of PASCAL VOC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmresnet.evaluation.detection.average_precision import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE
from mmresnet.evaluation.detection_errors.boxes import DetectionSet, Overlaps


@dataclass(frozen=True)
class Matches:
    """The detections' outcomes at one threshold of the IoU.

    Attributes:
        outcome: TRUE_POSITIVE, FALSE_POSITIVE or IGNORED of each detection, (detections,).
        object: The object that a true positive has found, else -1, (detections,).
        detection: The detection that has found an object, else -1, (objects,).
    """

    outcome: np.ndarray
    object: np.ndarray
    detection: np.ndarray


def match(boxes: DetectionSet, pairs: Overlaps, threshold: float = 0.5) -> Matches:
    """Match detections with objects of their class, by descending score, as ``boxes.rule`` says.

    Args:
        pairs: All pairs that overlap, as ``overlaps(boxes)`` returns them.
        threshold: The least IoU.
    """
    found, objects = boxes.detections, boxes.objects
    pairs = pairs[found.label[pairs.detection] == objects.label[pairs.object]]
    which, ignored = RULES[boxes.rule](pairs, objects.ignored, len(found), threshold)
    outcome = np.where(which >= 0, TRUE_POSITIVE, np.where(ignored, IGNORED, FALSE_POSITIVE))
    finder = np.full(len(objects), -1)
    true = np.flatnonzero(which >= 0)
    finder[which[true]] = true
    return Matches(outcome, which, finder)


def _match_coco(
    pairs: Overlaps, ignored: np.ndarray, detections: int, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Match a detection with the object that it overlaps most among those not matched yet.

    It is ignored if there is none, but a crowd that it overlaps as much as the threshold says.
    """
    near = pairs[pairs.iou >= threshold]
    apart = ignored[near.object]
    matched, taken = [-1] * detections, set()
    free = near[~apart]
    for detection, which in zip(free.detection.tolist(), free.object.tolist(), strict=True):
        if matched[detection] < 0 and which not in taken:
            matched[detection] = which
            taken.add(which)
    in_crowd = np.zeros(detections, dtype=bool)
    in_crowd[near.detection[apart]] = True
    return np.array(matched, dtype=int), in_crowd


def _match_voc(
    pairs: Overlaps, ignored: np.ndarray, detections: int, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Compare a detection with the object that it overlaps most, whether that is taken or not.

    It is ignored if that one is difficult, and a true positive if it is the first one there. See
    :func:`mmresnet.evaluation.detection.average_precision.match_voc`.
    """
    iou, best = pairs.best(detections)
    near = np.flatnonzero(iou >= threshold)
    difficult = np.zeros(detections, dtype=bool)
    difficult[near] = ignored[best[near]]
    near = near[~difficult[near]]
    which, first = np.unique(best[near], return_index=True)
    matched = np.full(detections, -1)
    matched[near[first]] = which
    return matched, difficult


RULES = {"coco": _match_coco, "voc": _match_voc}
