"""The crops of ten-crop testing: the four corners and the centre of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from torchvision.transforms import functional as F

from mmresnet.errors import SampleError, UserValueError, did_you_mean
from mmresnet.registry import TRANSFORMS

POSITIONS = ("top_left", "top_right", "bottom_left", "bottom_right", "center")


@TRANSFORMS.register_module()
class CornerCrop(BaseTransform):
    """Crop an image at a corner or at its centre, as torchvision's ``FiveCrop`` does.

    The five positions, each with and without a flip, are the ten crops of AlexNet (Krizhevsky et
    al. 2012, Sec. 4.1), by which He et al. 2015 compare nets (Tables 2 and 3).

    ``img`` is an array (H, W) or (H, W, C), a tensor (C, H, W) or a PIL image; ``img`` and
    ``img_shape`` are replaced.

    Args:
        crop_size: Height and width of the crop, or both, in pixels.
        position: One of :data:`POSITIONS`.
        padding: Border that is added before, as mmpretrain's ``RandomCrop`` has it: a number, or
            (left and right, top and bottom), or (left, top, right, bottom).
        pad_val: Value of the border, or one for each channel.
        padding_mode: "constant", "edge", "reflect" or "symmetric".

    Raises:
        UserValueError: A crop without pixels, or another position.
        SampleError: In ``transform``, the image is smaller than the crop.
    """

    def __init__(
        self,
        crop_size: int | Sequence[int],
        position: str = "center",
        padding: int | Sequence[int] = 0,
        pad_val: float | Sequence[float] = 0,
        padding_mode: str = "constant",
    ) -> None:
        sizes = (crop_size, crop_size) if isinstance(crop_size, int) else tuple(crop_size)
        if len(sizes) != 2 or min(sizes) < 1:
            raise UserValueError(
                f"crop_size={crop_size!r} must be one or two positive numbers of pixels."
            )
        if position not in POSITIONS:
            raise UserValueError(
                f"position={position!r} must be one of {', '.join(POSITIONS)}."
                f"{did_you_mean(position, POSITIONS)}"
            )
        self.crop_size, self.position = sizes, position
        self.padding, self.pad_val, self.padding_mode = padding, pad_val, padding_mode

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace ``img`` by the crop."""
        image = self._padded(results["img"])
        is_array = isinstance(image, np.ndarray)
        size = image.shape[:2] if is_array else F.get_dimensions(image)[1:]
        height, width = self.crop_size
        if size[0] < height or size[1] < width:
            path = results.get("img_path") or ""
            reason = f"its {size[1]}×{size[0]} pixels are less than the crop of {width}×{height}"
            raise SampleError(f"The image '{path}' is too small: {reason}.", path, reason)
        top, left = self._place(size[0] - height, size[1] - width)
        if is_array:
            results["img"] = image[top : top + height, left : left + width]
        else:
            results["img"] = F.crop(image, top, left, height, width)
        results["img_shape"] = self.crop_size
        return results

    def _place(self, down: int, right: int) -> tuple[int, int]:
        """Return where the crop begins, in an image that is larger by ``down`` and ``right``."""
        if self.position == "center":
            return round(down / 2), round(right / 2)
        vertical, horizontal = self.position.split("_")
        return down * (vertical == "bottom"), right * (horizontal == "right")

    def _padded(self, image: Any) -> Any:
        if not self.padding:
            return image
        padding, mode = self.padding, self.padding_mode
        if isinstance(image, np.ndarray):
            return mmcv.impad(image, padding=padding, pad_val=self.pad_val, padding_mode=mode)
        return F.pad(image, padding, self.pad_val, mode)

    def __repr__(self) -> str:
        """Return the class and its settings."""
        return (
            f"{type(self).__name__}(crop_size={self.crop_size}, position={self.position}, "
            f"padding={self.padding}, pad_val={self.pad_val}, padding_mode={self.padding_mode})"
        )
