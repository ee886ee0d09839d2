"""How images are preprocessed for a network: as its weights were trained and tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

IMAGENET_MEAN = (123.675, 116.28, 103.53)  # RGB, of 255
IMAGENET_STD = (58.395, 57.12, 57.375)
CAFFE_STD = (1.0, 1.0, 1.0)

ChannelOrder = Literal["rgb", "bgr"]


@dataclass(frozen=True)
class Preprocessing:
    """The preprocessing of images; what the publisher does not state is None.

    Attributes:
        mean, std: Of pixels from 0 to 255, one number per channel in the order ``channel_order``.
        channel_order: The order of the network's input channels.
        size: Side of the center crop of a test image, in pixels.
        resize: Shorter edge that a test image is resized to before the crop, in pixels.
        interpolation: Of the resizing: "bilinear" or "bicubic".
    """

    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    channel_order: ChannelOrder = "rgb"
    size: int | None = None
    resize: int | None = None
    interpolation: str | None = None

    def __str__(self) -> str:
        parts = [
            f"{self.channel_order.upper()} channels",
            f"mean ({', '.join(f'{value:g}' for value in self.mean)})",
            f"std ({', '.join(f'{value:g}' for value in self.std)})",
        ]
        if self.resize is not None:
            how = f", {self.interpolation}" if self.interpolation else ""
            parts.append(f"shorter edge resized to {self.resize}{how}")
        if self.size is not None:
            parts.append(f"tested at {self.size}x{self.size}")
        return "; ".join(parts)


IMAGENET = Preprocessing(size=224, resize=256, interpolation="bilinear")
# Of He et al.'s Caffe models, as in Detectron and Detectron2; they have no std
MSRA_CAFFE = Preprocessing(IMAGENET_MEAN[::-1], CAFFE_STD, "bgr")
