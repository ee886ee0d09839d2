"""From an image to the input of a detector's backbone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmresnet.export.wrappers import Normalize


class ImageInput(nn.Module):
    """mmdet's ``DetDataPreprocessor`` for one image: color order, normalization, padding."""

    def __init__(self, preprocessor: Any, loads_rgb: bool = False) -> None:
        super().__init__()
        self.normalize = Normalize.like(preprocessor, loads_rgb)
        self.divisor, self.pad_value = preprocessor.pad_size_divisor, preprocessor.pad_value

    def forward(self, images: Tensor) -> Tensor:
        """``(1, H, W, 3) -> (1, 3, H', W')``, H' and W' the next multiples of the divisor."""
        x = self.normalize(images).contiguous()
        below, right = (-size % self.divisor for size in images.shape[1:3])
        return F.pad(x, (0, right, 0, below), value=self.pad_value)


def image_limit(images: Tensor) -> Tensor:
    """Return width, height, width and height of images (1, H, W, 3), (4,) in float32."""
    height, width = (torch.scalar_tensor(size, dtype=torch.float32) for size in images.shape[1:3])
    return torch.stack((width, height, width, height))
