"""Suppression of overlapping boxes; agrees with ``mmcv/ops/csrc/pytorch/cpu/nms.cpp``.

Boxes are rows of (x1, y1, x2, y2) in pixels. mmcv's kernels hold thresholds and overlaps in
float32; for float64 boxes, which they refuse, both are float64 here.
"""

import numpy as np
import torch
import torchvision  # noqa: F401  registers torch.ops.torchvision
from torch import Tensor

from mmresnet.ops.precision import working_type

NAIVE, LINEAR, GAUSSIAN = 0, 1, 2  # mmcv's numbers for the methods of soft NMS


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Return the indices of the boxes that stay, (K,), by descending score.

    Args:
        boxes: (N, 4).
        scores: (N,).
        iou_threshold: A box goes if its overlap with a better one is larger than this.
        offset: A box is (x2 - x1 + offset) wide: 1 where x2 is the last pixel inside.
    """
    dtype = working_type(boxes)
    boxes, scores = boxes.to(dtype), scores.to(dtype)
    if offset:
        boxes = boxes + boxes.new_tensor([0, 0, offset, offset])
    threshold = torch.tensor(iou_threshold, dtype=dtype).item()
    return torch.ops.torchvision.nms(boxes, scores, threshold)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Lower the scores of overlapping boxes (Bodla et al. 2017), and keep those above a minimum.

    Args:
        boxes: (N, 4), on the CPU, where mmcv brings them.
        scores: (N,).
        dets: (N, 5). The first K rows receive the boxes kept and their new scores.
        iou_threshold: ``NAIVE`` drops and ``LINEAR`` lowers the scores of overlaps from here on.
        sigma: ``GAUSSIAN`` multiplies scores by ``exp(-overlap ** 2 / sigma)``.
        min_score: Boxes whose score falls below it go.
        method: ``NAIVE``, ``LINEAR`` or ``GAUSSIAN``.
        offset: As in :func:`nms`.

    Returns:
        The indices of the boxes kept, (K,), in the order in which they were chosen.
    """
    dtype = working_type(boxes)
    rows = torch.cat([boxes, scores[:, None]], 1).to(dtype).numpy(force=True)
    areas = _areas(rows, offset)
    indices = np.arange(len(rows))
    threshold, sigma = rows.dtype.type(iou_threshold), rows.dtype.type(sigma)
    chosen, alive = 0, len(rows)
    while chosen < alive:
        best = chosen + rows[chosen:alive, 4].argmax()
        for array in (rows, areas, indices):
            array[[chosen, best]] = array[[best, chosen]]
        rest = slice(chosen + 1, alive)
        overlaps = _overlaps(rows[chosen], areas[chosen], rows[rest], areas[rest], offset)
        if method == GAUSSIAN:
            rows[rest, 4] *= np.exp(-(overlaps**2) / sigma)
        else:
            factor = 1 - overlaps if method == LINEAR else rows.dtype.type(0)
            rows[rest, 4] *= np.where(overlaps >= threshold, factor, 1)
        chosen += 1
        alive = _close_gaps(
            chosen + np.flatnonzero(rows[rest, 4] < min_score), alive, rows, areas, indices
        )
    dets[:alive] = torch.from_numpy(rows[:alive]).to(dets)
    return torch.from_numpy(indices[:alive]).to(boxes.device)


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Group the boxes: one that stays, followed by those that it suppresses, by descending score.

    Args:
        dets: Boxes and scores, (N, 5), on the CPU, where mmcv brings them.
        iou_threshold: A box goes if its overlap is at least this.
    """
    rows = dets.to(working_type(dets)).numpy(force=True)
    threshold = rows.dtype.type(iou_threshold)
    areas = _areas(rows, 0)
    waiting = np.argsort(-rows[:, 4], kind="stable")
    groups = []
    while len(waiting):
        best, rest = waiting[0], waiting[1:]
        matches = _overlaps(rows[best], areas[best], rows[rest], areas[rest], 0) >= threshold
        groups.append([int(best), *rest[matches].tolist()])
        waiting = rest[~matches]
    return groups


def _areas(rows: np.ndarray, offset: int) -> np.ndarray:
    return (rows[:, 2] - rows[:, 0] + offset) * (rows[:, 3] - rows[:, 1] + offset)


def _overlaps(
    box: np.ndarray, area: np.ndarray, rows: np.ndarray, areas: np.ndarray, offset: int
) -> np.ndarray:
    """Return the intersection of ``box`` with each row over their union; 0 where that is empty."""
    low = np.maximum(box[:2], rows[:, :2])
    high = np.minimum(box[2:4], rows[:, 2:4])
    shared = np.clip(high - low + offset, 0, None).prod(1)
    union = area + areas - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union != 0)


def _close_gaps(gone: np.ndarray, alive: int, *arrays: np.ndarray) -> int:
    """Fill the gaps with the last living rows, backwards, as the kernel's loop does.

    The order decides which of several boxes with equal scores is chosen first.
    """
    left = alive - len(gone)
    living = np.setdiff1d(np.arange(left, alive), gone, assume_unique=True)
    gaps = gone[gone < left]
    for array in arrays:
        array[gaps] = array[living[::-1]]
    return left
