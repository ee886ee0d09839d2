"""Decoding and suppression of boxes in operators that ONNX, OpenVINO and torch.export have.

They agree with mmdet 3.3.0: ``DeltaXYWHBBoxCoder.decode`` and mmcv's ``batched_nms``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torchvision  # noqa: F401  registers torch.ops.torchvision
from torch import Tensor

_OUTSIDE = [[-3.0, -3.0, -2.0, -2.0], [-6.0, -6.0, -5.0, -5.0]]
_LARGEST_LOG_RATIO = abs(math.log(16 / 1000))  # mmdet's ``wh_ratio_clip``


class Boxes(NamedTuple):
    """Boxes of one image.

    Attributes:
        corners: (N, 4): x1, y1, x2, y2 in pixels of the detector's input.
        scores: (N,).
        groups: (N,), classes or levels.
    """

    corners: Tensor
    scores: Tensor
    groups: Tensor

    def at(self, indices: Tensor) -> Boxes:
        """Return those with these indices."""
        return Boxes(*(part[indices] for part in self))


def decode(coder: Any, boxes: Tensor, deltas: Tensor, limit: Tensor) -> Tensor:
    """Return boxes (N, 4) moved by deltas (N, 4), within the image.

    Args:
        coder: mmdet's ``DeltaXYWHBBoxCoder``, for its means and standard deviations.
        limit: Width, height, width and height of the image in pixels, (4,).
    """
    deltas = deltas * deltas.new_tensor(coder.stds) + deltas.new_tensor(coder.means)
    sizes = boxes[:, 2:] - boxes[:, :2]
    centers = (boxes[:, 2:] + boxes[:, :2]) * 0.5 + sizes * deltas[:, :2]
    sizes = sizes * deltas[:, 2:].clamp(-_LARGEST_LOG_RATIO, _LARGEST_LOG_RATIO).exp()
    corners = torch.cat((centers - sizes * 0.5, centers + sizes * 0.5), 1)
    return torch.minimum(corners.clamp(min=0), limit)


def suppress(boxes: Boxes, limit: Tensor, cfg: Mapping[str, Any]) -> Boxes:
    """Return the boxes that are left of each group, by descending score.

    As mmcv does it, each group is moved to where no other is, so that one suppression is enough.

    Args:
        limit: As in :func:`decode`.
        cfg: ``nms.iou_threshold``, and ``max_per_img`` for all groups together.
    """
    apart = boxes.corners + (boxes.groups.to(boxes.corners) * (limit.max() + 1))[:, None]
    # torch.export takes the operator to return two indices or more; these two come last
    apart = torch.cat((apart, apart.new_tensor(_OUTSIDE)))
    scores = torch.cat((boxes.scores, apart.new_tensor([-1.0, -2.0])))
    kept = torch.ops.torchvision.nms(apart, scores, cfg["nms"]["iou_threshold"])[:-2]
    return boxes.at(kept[: cfg["max_per_img"]])


def larger(boxes: Boxes, smallest: float) -> Boxes:
    """Return boxes wider and higher than ``smallest``, and all if it is negative, as mmdet does."""
    if smallest < 0:
        return boxes
    sizes = boxes.corners[:, 2:] - boxes.corners[:, :2]
    return boxes.at((sizes > smallest).all(1).nonzero()[:, 0])
