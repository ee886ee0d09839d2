"""RoIPool in operators that ONNX, OpenVINO and torch.export have, for one image.

It agrees with mmcv's ``RoIPool``, bit for bit. ONNX's ``MaxRoiPool`` and OpenVINO's ``ROIPooling``
round a box to whole pixels before they divide it into bins; mmcv's divides it first.

The maximum of a range is that of two ranges of a power of two, one from its start and one to its
end. So the maxima of all windows of 1, 2, 4, … rows and columns are computed once, and a bin is the
highest of four of them.
"""

from __future__ import annotations

import torch
from torch import Tensor

_POWERS = (1, 2, 4, 8, 16)
LARGEST_BIN = 2 * _POWERS[-1]
"""Pixels of the map: the most rows and columns that a bin may have."""


def roi_pool(features: Tensor, boxes: Tensor, size: tuple[int, int], scale: float) -> Tensor:
    """Return the maximum of each bin, (R, C, *size); 0 where a bin is outside the map.

    Args:
        features: (1, C, H, W).
        boxes: (R, 4): x1, y1, x2, y2 in pixels of the image.
        size: The number of bins over the height and width of a box.
        scale: Pixels of the map per pixel of the image.
    """
    maps = features[0].permute(1, 2, 0)
    height, width = maps.shape[:2]
    top, bottom, rows = _bins(boxes[:, 1], boxes[:, 3], size[0], height, scale)
    left, right, columns = _bins(boxes[:, 0], boxes[:, 2], size[1], width, scale)
    row_step, column_step = _step(bottom - top), _step(right - left)
    powers = torch.tensor(_POWERS, device=boxes.device)
    windows = _windows(maps).flatten(0, 3)
    first = (row_step[:, :, None] * len(_POWERS) + column_step[:, None]) * height

    def at(y: Tensor, x: Tensor) -> Tensor:
        return windows[(first + y[:, :, None]) * width + x[:, None]]

    last_row, last_column = bottom - powers[row_step], right - powers[column_step]
    highest = at(top, left)
    for y, x in ((top, last_column), (last_row, left), (last_row, last_column)):
        highest = torch.maximum(highest, at(y, x))
    filled = (rows[:, :, None] & columns[:, None])[..., None]
    return torch.where(filled, highest, torch.zeros_like(highest)).permute(0, 3, 1, 2)


def _bins(
    low: Tensor, high: Tensor, bins: int, extent: int, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the first pixel of each bin, the one after its last, and whether it has any.

    Each is (R, bins). ``high`` is the last pixel inside a box. An empty bin is said to have one
    pixel.
    """
    start = low * scale
    length = (high + 1) * scale - start
    edges = torch.arange(bins + 1, device=low.device) * (length / bins)[:, None] + start[:, None]
    first = edges[:, :-1].floor().long().clamp(min=0)
    after = torch.minimum(edges[:, 1:].ceil().long(), torch.scalar_tensor(extent).long())
    filled = (length > 0)[:, None] & (first < after)
    first = torch.where(filled, first, torch.zeros_like(first))
    return first, torch.where(filled, after, torch.ones_like(after)), filled


def _step(lengths: Tensor) -> Tensor:
    """Return the index of the highest of ``_POWERS`` that is not above each length."""
    return sum((lengths >= power).long() for power in _POWERS[1:])  # type: ignore[return-value]


def _windows(maps: Tensor) -> Tensor:
    """Return the maxima of windows, (powers, powers, H, W, C): from a pixel on, down and right.

    Args:
        maps: (H, W, C). What would be outside is the last row or column.
    """
    down = torch.stack(_doubled(maps, 0))
    return torch.stack(_doubled(down, 2), 1)


def _doubled(maps: Tensor, axis: int) -> list[Tensor]:
    """Return the maxima over 1, 2, 4, … positions along an axis."""
    positions = torch.arange(maps.shape[axis], device=maps.device)
    last = torch.scalar_tensor(maps.shape[axis] - 1).long()
    found = [maps]
    for power in _POWERS[:-1]:
        further = torch.minimum(positions + power, last)
        found.append(torch.maximum(found[-1], found[-1].index_select(axis, further)))
    return found
