"""Kinds of a detector's errors and what they cost (TIDE: Bolya et al., ECCV 2020).

Our own, because the paper's code, tidecv 1.0.1, is not maintained any more, fails on a set without
detections and knows nothing of VOC's difficult objects. The numbers are the same, but that classes
without objects are left out of the mean, as in COCO, and ignored detections are no errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from mmresnet.evaluation.detection.average_precision import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE
from mmresnet.evaluation.detection_errors.boxes import DetectionSet, Overlaps
from mmresnet.evaluation.detection_errors.curves import interpolated
from mmresnet.evaluation.detection_errors.matching import Matches

FOREGROUND, BACKGROUND = 0.5, 0.1  # IoUs; the paper's t_f and t_b


class Kind(Enum):
    """Why a detection is a false positive, or ``MISSED``: an object that no other kind explains."""

    CLASSIFICATION = "classification"
    LOCALIZATION = "localization"
    BOTH = "both"
    DUPLICATE = "duplicate"
    BACKGROUND = "background"
    MISSED = "missed"


KINDS = tuple(Kind)


@dataclass(frozen=True)
class Errors:
    """The kind of each false positive, and the objects that were missed.

    Attributes:
        kind: The index in ``KINDS`` of each detection's kind of error, else -1, (detections,).
        target: The object that a detection with a classification or localization error would find
            if its class or box was right, and of a duplicate the object that is taken, else -1.
        iou: The IoU with the target, without one the highest with any object, (detections,).
        missed: Whether an object is missed, (objects,).
    """

    kind: np.ndarray
    target: np.ndarray
    iou: np.ndarray
    missed: np.ndarray

    def count(self, kind: Kind) -> int:
        """Return the number of errors of this kind."""
        errors = self.missed if kind is Kind.MISSED else self.kind == KINDS.index(kind)
        return int(errors.sum())


def errors(boxes: DetectionSet, pairs: Overlaps, matches: Matches) -> Errors:
    """Return the kinds of errors at an IoU of 0.5 (section 2.2 of the paper).

    A false positive is of the first kind that fits: localization (an object of its class, with an
    IoU of 0.1 to 0.5), classification (one of another class, 0.5 or more), duplicate (one of its
    class that is taken, 0.5 or more), background (no object has more than 0.1), else both.

    Args:
        pairs: All pairs that overlap, as ``overlaps(boxes)`` returns them.
        matches: Those at an IoU of 0.5.
    """
    found, objects = boxes.detections, boxes.objects
    pairs = pairs[~objects.ignored[pairs.object]]
    same = found.label[pairs.detection] == objects.label[pairs.object]
    taken = matches.detection >= 0
    own, own_object = pairs[same].best(len(found))
    other, other_object = pairs[~same].best(len(found))
    again, again_object = pairs[same & taken[pairs.object]].best(len(found))
    highest, nothing = np.maximum(own, other), np.full(len(found), -1)
    fits = {
        Kind.LOCALIZATION: ((own >= BACKGROUND) & (own <= FOREGROUND), own_object, own),
        Kind.CLASSIFICATION: (other >= FOREGROUND, other_object, other),
        Kind.DUPLICATE: (again >= FOREGROUND, again_object, again),
        Kind.BACKGROUND: (highest <= BACKGROUND, nothing, highest),
    }
    conditions, targets, ious = zip(*fits.values(), strict=True)
    kind = np.select(conditions, [KINDS.index(one) for one in fits], KINDS.index(Kind.BOTH))
    target, iou = np.select(conditions, targets, -1), np.select(conditions, ious, highest)
    wrong = matches.outcome == FALSE_POSITIVE
    kind, target = np.where(wrong, kind, -1), np.where(wrong, target, -1)
    missed = ~(taken | objects.ignored)
    missed[target[_has_target(kind)]] = False
    return Errors(kind, target, iou, missed)


def costs(boxes: DetectionSet, matches: Matches, found: Errors) -> dict[Kind, float]:
    """Return how much the AP at an IoU of 0.5 would rise without the errors of each kind.

    Errors of one kind are put right at a time (section 2.3): of those with the same object as
    target, the one with the highest score becomes a true positive, if the object is not taken;
    other false positives are removed, and missed objects do not count.
    """
    base = average_precision(boxes, matches.outcome, boxes.detections.label, boxes.positives)
    repaired = _first_of_target(matches, found)
    result = {}
    for number, kind in enumerate(KINDS):
        of_kind = found.kind == number
        outcome = np.where(of_kind, IGNORED, matches.outcome)
        outcome[of_kind & repaired] = TRUE_POSITIVE
        label, positives = boxes.detections.label.copy(), boxes.positives
        if kind is Kind.CLASSIFICATION:
            label[of_kind & repaired] = boxes.objects.label[found.target[of_kind & repaired]]
        if kind is Kind.MISSED:
            missed = boxes.objects.label[found.missed]
            positives = positives - np.bincount(missed, minlength=len(positives))
        # the 101 samples of a curve can make it fall by a hair
        result[kind] = max(0.0, average_precision(boxes, outcome, label, positives) - base)
    return result


def average_precision(
    boxes: DetectionSet, outcome: np.ndarray, label: np.ndarray, positives: np.ndarray
) -> float:
    """Return COCO's AP, the mean over the classes with objects; 0 without any.

    Args:
        outcome: Of each detection.
        label: The class of each.
        positives: The number of objects of each class. A class that lost them all has the AP 0, and
            is left out if it has no detections either; without any other one, nothing is wrong.
    """
    found = []
    for number in np.flatnonzero(boxes.positives).tolist():
        own = (label == number) & (outcome != IGNORED)
        if positives[number]:
            curve = interpolated(outcome[own], boxes.detections.score[own], positives[number])
            found.append(float(curve.mean()))
        elif own.any():
            found.append(0.0)
    return float(np.mean(found)) if found else float(boxes.positives.any())


def _has_target(kind: np.ndarray) -> np.ndarray:
    return np.isin(kind, [KINDS.index(Kind.CLASSIFICATION), KINDS.index(Kind.LOCALIZATION)])


def _first_of_target(matches: Matches, found: Errors) -> np.ndarray:
    """Return which detections are the first with their target, if that is not taken."""
    first = np.zeros(len(found.kind), dtype=bool)
    able = np.flatnonzero(_has_target(found.kind))
    able = able[matches.detection[found.target[able]] < 0]
    _, rows = np.unique(found.target[able], return_index=True)
    first[able[rows]] = True
    return first
