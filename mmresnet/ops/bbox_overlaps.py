"""Overlaps of boxes; agrees with ``mmcv/ops/csrc/pytorch/cpu/bbox_overlaps_cpu.cpp``.

torchvision's ``box_iou``, which gives the same bits, has none of the three options.
"""

import torch
from torch import Tensor

from mmresnet.ops.precision import working_type

IOU = 0


def bbox_overlaps(
    bboxes1: Tensor, bboxes2: Tensor, ious: Tensor, mode: int, aligned: bool, offset: int
) -> None:
    """Write the overlaps of boxes, rows of (x1, y1, x2, y2) in pixels, into ``ious``.

    Args:
        bboxes1: (M, 4).
        bboxes2: (N, 4); with ``aligned``, (M, 4).
        ious: (M, N); with ``aligned``, (M,). NaN where an empty area is divided by.
        mode: 0 for intersection over union, 1 for intersection over the area of the first box.
        aligned: Compare each box with the one in the same row, instead of with all.
        offset: As in :func:`mmresnet.ops.nms.nms`.
    """
    dtype = working_type(bboxes1, bboxes2)
    first, second = bboxes1.to(dtype), bboxes2.to(dtype)
    if not aligned:
        first = first[:, None]
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    shared = (high - low + offset).clamp(min=0).prod(-1)
    area = _areas(first, offset)
    ious.copy_(shared / (area + _areas(second, offset) - shared if mode == IOU else area))


def _areas(boxes: Tensor, offset: int) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2] + offset).prod(-1)
