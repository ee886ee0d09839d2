"""How many of the objects the best proposals of a detector cover, whatever their classes."""

from collections.abc import Sequence

import numpy as np


def average_recalls(
    truths: Sequence[np.ndarray],
    proposals: Sequence[np.ndarray],
    numbers: Sequence[int],
    thresholds: Sequence[float],
) -> list[float]:
    """Return the recall of the first ``n`` proposals of each image, for each n of ``numbers``.

    It is the mean over the thresholds of the share of objects that are covered with at least such
    an IoU, as mmdet's ``proposal_fast`` has it. An object has one proposal, and a proposal one
    object: the pair of the largest IoU comes first. Without objects the recall is NaN.

    Args:
        truths: boxes (M, 4) of each image, x1 y1 x2 y2 in pixels.
        proposals: boxes (N, 4) of each image, the best first.
    """
    recalls = []
    overlaps = [iou(truth, boxes) for truth, boxes in zip(truths, proposals, strict=True)]
    for number in numbers:
        covered = [_covered(overlap[:, :number]) for overlap in overlaps]
        covered = np.concatenate(covered) if covered else np.zeros(0)
        shares = [np.mean(covered >= t) if covered.size else np.nan for t in thresholds]
        recalls.append(float(np.mean(shares)))
    return recalls


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the intersection over union of boxes (M, 4) and (N, 4), as (M, N)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = (high - low).clip(min=0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None] - common
    return common / np.maximum(union, 1e-6)


def _covered(overlap: np.ndarray) -> np.ndarray:
    """Return the IoU (M,) of each object with the proposal that it gets, 0 where it gets none."""
    overlap = overlap.copy()
    best = np.zeros(len(overlap))
    for _ in range(min(overlap.shape)):
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        best[row] = overlap[row, column]
        overlap[row] = -1
        overlap[:, column] = -1
    return best
