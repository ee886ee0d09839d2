"""What is written to a file: a model with its preprocessing, from images to tensors."""

from __future__ import annotations

import copy
from typing import Any

import torch
from mmcv.cnn import fuse_conv_bn
from torch import Tensor, nn


class Exportable(nn.Module):
    """A model whose ``forward`` takes ``images`` and returns a tuple of tensors.

    ``images`` is (N, H, W, 3) uint8 in BGR, as ``cv2.imread`` returns an image, resized and cropped
    already. In eval mode, in float32, on the CPU, without gradients.

    Attributes:
        output_names: A name for each tensor that it returns.
        dynamic: The dimensions of ``images`` that may vary between calls, where the layers allow
            it: 0 is the batch, 1 the height, 2 the width.
        example: The shape of the images that it is traced with.
        through_onnx: Whether OpenVINO reads it from ONNX: its converter of PyTorch's graphs lacks
            some operators of detectors.
    """

    output_names: tuple[str, ...]
    dynamic: tuple[int, ...]
    example: tuple[int, int, int, int]
    through_onnx = False

    def example_images(self) -> Tensor:
        """Return random images of the shape ``example``."""
        generator = torch.Generator().manual_seed(0)
        return torch.randint(0, 256, self.example, dtype=torch.uint8, generator=generator)


class Normalize(nn.Module):
    """(N, H, W, 3) uint8 in BGR to (N, 3, H, W) float32, as a model's data preprocessor has it.

    Args:
        rgb: Whether the model takes RGB.
        mean, std: A number per channel, in the model's order; None leaves 0 to 255.
    """

    def __init__(self, rgb: bool, mean: Tensor | None, std: Tensor | None) -> None:
        super().__init__()
        self.rgb = rgb
        self.mean: Tensor | None
        self.std: Tensor | None
        self.register_buffer("mean", None if mean is None else mean.float().view(-1, 1, 1))
        self.register_buffer("std", None if std is None else std.float().view(-1, 1, 1))

    @classmethod
    def like(cls, preprocessor: Any, loads_rgb: bool = False) -> Normalize:
        """Return what a data preprocessor of mmpretrain's or mmdet's does, but for its padding.

        Args:
            loads_rgb: Whether the recipe's pipeline gives RGB, and not BGR.
        """
        swaps = bool(
            getattr(preprocessor, "to_rgb", False)
            or getattr(preprocessor, "_channel_conversion", False)
        )
        mean, std = (getattr(preprocessor, name, None) for name in ("mean", "std"))
        return cls(swaps != loads_rgb, mean, std)

    def forward(self, images: Tensor) -> Tensor:
        """Return the input of the model's first layer."""
        x = images.permute(0, 3, 1, 2)
        x = (x.flip(1) if self.rgb else x).float()
        return x if self.mean is None or self.std is None else (x - self.mean) / self.std


def folded_copy(model: nn.Module) -> nn.Module:
    """Return a copy in eval mode whose BatchNorm layers are folded into their convolutions.

    mmcv takes a BatchNorm to follow the convolution before it in order of definition; the
    comparison of the written file with the model would show where it does not.
    """
    copied = copy.deepcopy(model).float().cpu().eval().requires_grad_(False)
    folded: nn.Module = fuse_conv_bn(copied)
    return folded.requires_grad_(False)
