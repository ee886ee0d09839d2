"""Which anchors are positive, and which of them are sampled (Ren et al. 2015, Sec. 3.1.2-3)."""

import torch
from torch import Tensor
from torchvision.ops import box_iou

IGNORED = -1


def label_anchors(
    anchors: Tensor, boxes: Tensor, positive_iou: float, negative_iou: float
) -> tuple[Tensor, Tensor]:
    """Return the label of each anchor and the box that it is compared with, int64 (M,) each.

    Positive (1) are anchors whose IoU with a box is at least ``positive_iou``, and those with the
    highest IoU of a box. Negative (0) are others whose IoU with every box is below
    ``negative_iou``. The rest is ignored (-1). Without boxes all are negative.

    Args:
        anchors: (M, 4).
        boxes: (N, 4).
    """
    if not len(boxes):
        zeros = torch.zeros(len(anchors), dtype=torch.long, device=anchors.device)
        return zeros, zeros
    overlaps = box_iou(boxes, anchors)
    best, matched = overlaps.max(dim=0)
    labels = torch.full_like(matched, IGNORED)
    labels[best < negative_iou] = 0
    labels[best >= positive_iou] = 1
    highest = overlaps.amax(dim=1, keepdim=True)
    labels[((overlaps == highest) & (highest > 0)).any(dim=0)] = 1
    return labels, matched


def sample(labels: Tensor, count: int) -> Tensor:
    """Return the indices of ``count`` random anchors, half of them positive.

    Negative ones take the places of positive ones that there are too few of, and not the other way
    round.
    """
    positive, negative = (labels == 1).nonzero()[:, 0], (labels == 0).nonzero()[:, 0]
    positive = _random(positive, count // 2)
    return torch.cat([positive, _random(negative, count - len(positive))])


def _random(indices: Tensor, count: int) -> Tensor:
    return indices[torch.randperm(len(indices), device=indices.device)[:count]]
