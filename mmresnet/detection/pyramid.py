"""Feature maps of images at several scales, and which of them a region is read from.

He et al. 2015, Appendix B, "Multi-scale testing".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Scale(NamedTuple):
    """The feature maps of one image at one scale.

    Attributes:
        maps: (1, C, H, W) of each level.
        factors: Width and height of the image at this scale, over those of the input.
    """

    maps: Sequence[Tensor]
    factors: tuple[float, float]


class FeatureMaps(tuple[Tensor, ...]):
    """The feature maps (N, C, H, W) of a batch, with what else a RoI head reads of its images.

    Attributes:
        image_sizes: (height, width) of each image, without the padding of the batch, in pixels.
        pyramid: The scales of each image; empty without multi-scale testing.
    """

    image_sizes: list[tuple[int, int]]
    pyramid: list[list[Scale]]

    @classmethod
    def of(
        cls, maps: Iterable[Tensor], samples: Iterable[Any], pyramid: Sequence[list[Scale]] = ()
    ) -> FeatureMaps:
        """Return the maps with what the samples say of the images; those that have it, as is."""
        if isinstance(maps, FeatureMaps):
            return maps
        result = cls(maps)
        result.image_sizes = [tuple(sample.img_shape[:2]) for sample in samples]
        result.pyramid = list(pyramid)
        return result

    def image_boxes(self) -> list[Tensor]:
        """Return the box (1, 4) of each image, all of it, in float32 whatever the maps are."""
        device = self[0].device
        return [torch.tensor([[0.0, 0.0, w, h]], device=device) for h, w in self.image_sizes]


def adjacent_scales(
    boxes: Tensor, factors: Sequence[tuple[float, float]], roi_size: float
) -> Tensor:
    """Return from which two scales each box is read: (R, S), True for two of S.

    The first is that at which the box has the number of pixels nearest to a square of ``roi_size``;
    the other its neighbour, on the side that is nearer. Since areas grow with the scale, these are
    the two nearest of all.

    Args:
        boxes: (R, 4) in pixels of the input.
        factors: Of the scales in ascending order, as in :class:`Scale`.
        roi_size: A side in pixels. SPPnet's is 224 (He et al. 2014, Sec. 4.1), that of the images
            on which the net was first trained.
    """
    growth = boxes.new_tensor([x * y for x, y in factors])
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    distance = (areas[:, None] * growth - roi_size**2).abs()
    nearest = distance.topk(min(2, len(growth)), largest=False).indices
    chosen = torch.zeros_like(distance, dtype=torch.bool)
    return chosen.scatter_(1, nearest, True)
