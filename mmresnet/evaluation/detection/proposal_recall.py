"""Recall of a detector's best proposals, whatever their classes."""

from collections.abc import Sequence

import numpy as np
import torch
from torchvision.ops import box_iou


def average_recalls(
    truths: Sequence[np.ndarray],
    proposals: Sequence[np.ndarray],
    numbers: Sequence[int],
    thresholds: Sequence[float] | np.ndarray,
) -> list[float]:
    """Return the recall of the first ``n`` proposals of each image, for each n of ``numbers``.

    It is the share of objects that are matched with at least an IoU threshold, averaged over the
    thresholds, as in mmdet's ``proposal_fast``, which however computes IoUs in float32. Pairs of an
    object and a proposal are matched one to one, by descending IoU. Without objects it is NaN.

    Args:
        truths: boxes (M, 4) of each image, x1 y1 x2 y2 in pixels.
        proposals: boxes (N, 4) of each image, the best first.
    """
    recalls = []
    ious = [_iou(truth, boxes) for truth, boxes in zip(truths, proposals, strict=True)]
    for number in numbers:
        matched = np.concatenate([np.zeros(0), *(_match(iou[:, :number]) for iou in ious)])
        shares = [float(np.mean(matched >= t)) if matched.size else np.nan for t in thresholds]
        recalls.append(float(np.mean(shares)))
    return recalls


def _iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the IoU of boxes (M, 4) and (N, 4), as (M, N); 0 where both are empty."""
    return box_iou(torch.from_numpy(first), torch.from_numpy(second)).nan_to_num(0.0).numpy()


def _match(iou: np.ndarray) -> np.ndarray:
    """Return the IoU (M,) of each object with its proposal, 0 where it has none."""
    iou = iou.copy()
    best = np.zeros(len(iou))
    for _ in range(min(iou.shape)):
        row, column = np.unravel_index(iou.argmax(), iou.shape)
        best[row] = iou[row, column]
        iou[row] = -1
        iou[:, column] = -1
    return best
