"""Non-maximum suppression (NMS); agrees with ``mmcv/ops/csrc/pytorch/cpu/nms.cpp``.

Boxes are rows of (x1, y1, x2, y2) in pixels. mmcv's kernels compute IoUs and thresholds in float32;
for float64 boxes, which they do not support, both are float64 here.
"""

import numpy as np
import torch
import torchvision  # noqa: F401  registers torch.ops.torchvision
from torch import Tensor

from mmresnet.ops.precision import working_type

NAIVE, LINEAR, GAUSSIAN = 0, 1, 2  # mmcv's numbers for the methods of soft NMS


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Return the indices of the boxes kept, (K,), by descending score.

    Args:
        boxes: (N, 4).
        scores: (N,).
        iou_threshold: A box is removed if its IoU with a better one is larger than this.
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
        boxes: (N, 4), on the CPU, where mmcv moves them.
        scores: (N,).
        dets: (N, 5). The first K rows receive the boxes kept and their new scores.
        iou_threshold: IoU from which on ``NAIVE`` sets scores to 0 and ``LINEAR`` lowers them.
        sigma: ``GAUSSIAN`` multiplies scores by ``exp(-iou ** 2 / sigma)``.
        min_score: Boxes whose score falls below it are removed.
        method: ``NAIVE``, ``LINEAR`` or ``GAUSSIAN``.
        offset: As in :func:`nms`.

    Returns:
        The indices of the boxes kept, (K,), in the order in which they were selected.
    """
    dtype = working_type(boxes)
    rows = torch.cat([boxes, scores[:, None]], 1).to(dtype).numpy(force=True)
    areas = _areas(rows, offset)
    indices = np.arange(len(rows))
    threshold, sigma = rows.dtype.type(iou_threshold), rows.dtype.type(sigma)
    selected, count = 0, len(rows)
    while selected < count:
        best = selected + rows[selected:count, 4].argmax()
        for array in (rows, areas, indices):
            array[[selected, best]] = array[[best, selected]]
        rest = slice(selected + 1, count)
        ious = _ious(rows[selected], areas[selected], rows[rest], areas[rest], offset)
        if method == GAUSSIAN:
            rows[rest, 4] *= np.exp(-(ious**2) / sigma)
        else:
            factor = 1 - ious if method == LINEAR else rows.dtype.type(0)
            rows[rest, 4] *= np.where(ious >= threshold, factor, 1)
        selected += 1
        removed = selected + np.flatnonzero(rows[rest, 4] < min_score)
        count = _remove(removed, count, rows, areas, indices)
    dets[:count] = torch.from_numpy(rows[:count]).to(dets)
    return torch.from_numpy(indices[:count]).to(boxes.device)


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Group the boxes: each box kept, followed by those that it suppresses, by descending score.

    Args:
        dets: Boxes and scores, (N, 5), on the CPU, where mmcv moves them.
        iou_threshold: A box is suppressed if its IoU with a better one is at least this.
    """
    rows = dets.to(working_type(dets)).numpy(force=True)
    threshold = rows.dtype.type(iou_threshold)
    areas = _areas(rows, 0)
    remaining = np.argsort(-rows[:, 4], kind="stable")
    groups = []
    while len(remaining):
        best, rest = remaining[0], remaining[1:]
        matches = _ious(rows[best], areas[best], rows[rest], areas[rest], 0) >= threshold
        groups.append([int(best), *rest[matches].tolist()])
        remaining = rest[~matches]
    return groups


def _areas(rows: np.ndarray, offset: int) -> np.ndarray:
    return (rows[:, 2] - rows[:, 0] + offset) * (rows[:, 3] - rows[:, 1] + offset)


def _ious(
    box: np.ndarray, area: np.ndarray, rows: np.ndarray, areas: np.ndarray, offset: int
) -> np.ndarray:
    """Return the IoU of ``box`` with each row, 0 where the union is empty.

    torchvision's ``box_iou`` has no ``offset`` and gives NaN for an empty union.
    """
    low = np.maximum(box[:2], rows[:, :2])
    high = np.minimum(box[2:4], rows[:, 2:4])
    shared = np.clip(high - low + offset, 0, None).prod(1)
    union = area + areas - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union != 0)


def _remove(removed: np.ndarray, count: int, *arrays: np.ndarray) -> int:
    """Remove rows from the first ``count``, and return how many are left.

    Rows from the end fill the gaps, as in the kernel's loop: their order decides which of several
    boxes with equal scores is selected first.
    """
    left = count - len(removed)
    kept = np.setdiff1d(np.arange(left, count), removed, assume_unique=True)
    gaps = removed[removed < left]
    for array in arrays:
        array[gaps] = array[kept[::-1]]
    return left
