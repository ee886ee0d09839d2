"""Anchors, and boxes in relation to others, as in Faster R-CNN (Ren et al. 2015, Sec. 3.1)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

MAX_LOG_RATIO = math.log(1000 / 16)
"""A box is at most this many times larger than its reference, or exp overflows."""


def anchors(
    height: int, width: int, stride: int, sizes: Sequence[float], ratios: Sequence[float]
) -> Tensor:
    """Return the anchors of a feature map, (height * width * A, 4), x1 y1 x2 y2 in pixels.

    The A = len(sizes) * len(ratios) of a position follow each other, the ratios of a size first.
    Each is centred on the stride × stride pixels of its position.

    Args:
        sizes: Square roots of the anchors' areas, in pixels.
        ratios: Heights over widths.
    """
    sides = [
        (size / math.sqrt(ratio), size * math.sqrt(ratio)) for size in sizes for ratio in ratios
    ]
    half = torch.tensor(sides, dtype=torch.float32) / 2
    x = (torch.arange(width, dtype=torch.float32) + 0.5) * stride
    y = (torch.arange(height, dtype=torch.float32) + 0.5) * stride
    centres = torch.stack([x.repeat(height), y.repeat_interleave(width)], dim=1)[:, None]
    return torch.cat([centres - half, centres + half], dim=2).reshape(-1, 4)


def encode(boxes: Tensor, references: Tensor, stds: Sequence[float] = (1, 1, 1, 1)) -> Tensor:
    """Return (…, 4): the shift and log ratio of sizes from ``references`` to ``boxes``, (…, 4).

    ``decode(encode(boxes, references), references)`` are the boxes.

    Args:
        stds: What the four numbers are divided by.
    """
    size, own = references[..., 2:] - references[..., :2], boxes[..., 2:] - boxes[..., :2]
    shift = ((boxes[..., :2] + own / 2) - (references[..., :2] + size / 2)) / size
    return torch.cat([shift, (own / size).log()], dim=-1) / shift.new_tensor(stds)


def decode(deltas: Tensor, references: Tensor, stds: Sequence[float] = (1, 1, 1, 1)) -> Tensor:
    """Return the boxes, (…, 4), which lie to ``references`` as ``deltas``, (…, 4), say."""
    deltas = deltas * deltas.new_tensor(stds)
    size = references[..., 2:] - references[..., :2]
    centre = references[..., :2] + size / 2 + deltas[..., :2] * size
    half = size * deltas[..., 2:].clamp(max=MAX_LOG_RATIO).exp() / 2
    return torch.cat([centre - half, centre + half], dim=-1)
