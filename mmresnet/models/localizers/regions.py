"""Regions of an image, warped to one size for a net, as in R-CNN (Girshick et al. 2014)."""

from torch import Tensor
from torchvision.ops import roi_align

STDS = (0.1, 0.1, 0.2, 0.2)
"""What the targets of box regression are divided by, as in Fast R-CNN."""


def warp(image: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Return the regions of an image, (N, C, size, size), whatever their aspect ratio.

    A pixel is the mean of bilinear samples: as many as the region has pixels for it, rounded up.

    Args:
        image: (C, H, W), floating point.
        boxes: (N, 4), x1 y1 x2 y2 in pixels.
    """
    return roi_align(image[None], [boxes.to(image.dtype)], size, sampling_ratio=0, aligned=True)
