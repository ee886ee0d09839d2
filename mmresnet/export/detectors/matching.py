"""Whether two computations of a detector found the same in an image."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import from_numpy
from torchvision.ops import box_iou

_SAME = 0.01  # pixels


@dataclass
class Found:
    """The detections in an image.

    Attributes:
        boxes: (K, 4): x1, y1, x2, y2 in pixels of the detector's input.
        scores: (K,).
        labels: (K,), int64.
        masks: (K, H, W), bool, of Mask R-CNN.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    masks: np.ndarray | None = None


@dataclass
class Matches:
    """Boxes of two computations, matched one to one.

    Attributes:
        pairs: (M, 2): index in the first, index in the second.
        unmatched: How many of either have no counterpart, without those at the limit.
        ious, differences: Of the pairs, (M,): IoU, and by how much the scores differ.
    """

    pairs: np.ndarray
    unmatched: int
    ious: np.ndarray = field(default_factory=lambda: np.zeros(0))
    differences: np.ndarray = field(default_factory=lambda: np.zeros(0))


def match(ours: Found, theirs: Found, least_iou: float, margin: float, limit: float) -> Matches:
    """Match boxes of the same class by their IoU, those with the highest scores first.

    Args:
        least_iou: Of boxes that match.
        margin: A box whose score is within this of ``limit`` may have no counterpart.
        limit: The lowest score at which a box is kept in this image.
    """
    first, second = (np.float64(one.boxes) for one in (ours, theirs))
    ious = box_iou(from_numpy(first), from_numpy(second)).numpy()
    ious[np.abs(first[:, None] - second).max(2) <= _SAME] = 1  # of empty boxes it is not a number
    ious[ours.labels[:, None] != theirs.labels] = -1
    pairs, free = [], np.ones(len(theirs.scores), bool)
    for index in np.argsort(-ours.scores, kind="stable"):
        candidates = np.flatnonzero(free & (ious[index] >= least_iou))
        if candidates.size:
            best = candidates[ious[index, candidates].argmax()]
            free[best] = False
            pairs.append((index, best))
    matched = np.array(pairs, np.int64).reshape(-1, 2)
    without = np.setdiff1d(np.arange(len(ours.scores)), matched[:, 0])
    alone = np.concatenate((ours.scores[without], theirs.scores[free]))
    rows, columns = matched.T
    return Matches(
        matched,
        int((alone > limit + margin).sum()),
        ious[rows, columns],
        np.abs(ours.scores[rows] - theirs.scores[columns]),
    )
