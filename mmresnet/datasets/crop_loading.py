"""Loading of an image and RandomResizedCrop in one step, which decodes no more than it needs."""

from __future__ import annotations

from inspect import getattr_static
from types import SimpleNamespace
from typing import Any

import cv2
import mmcv
import numpy as np
from mmcv.image.geometric import cv2_interp_codes, pillow_interp_codes
from PIL import Image

from mmresnet.datasets.jpeg_parts import FACTORS, Frame, decode_part, read_frame
from mmresnet.datasets.loading import LoadImageFromFile, check_size
from mmresnet.errors import SampleError

Box = tuple[int, int, int, int]
# the interpolations for which an image decoded at a part of its size can stand for the image
_SMOOTH = ("bilinear", "bicubic", "lanczos")
_CROPS = (("mmpretrain", "RandomResizedCrop"), ("mmresnet", "ProgressiveRandomResizedCrop"))


class LoadResizedCrop(LoadImageFromFile):
    """``mmresnet.LoadImageFromFile`` and the ``RandomResizedCrop`` that follows it, in one step.

    The size is read from a JPEG file's header, the crop drawn by mmpretrain's own method, and then
    the file decoded: at 1/2, 1/4 or 1/8 of its size if the crop is at least so many times as large
    as the output; and not below the crop if simplejpeg is installed. The draws, the crops and the
    results' keys are those of the two steps; so are the pixels wherever the file is decoded at its
    full size. Other files go through the two steps.

    Args:
        loader: An ``mmresnet.LoadImageFromFile`` that :func:`fits`.
        crop: mmpretrain's ``RandomResizedCrop``, or ``mmresnet.ProgressiveRandomResizedCrop``.
    """

    def __init__(self, loader: LoadImageFromFile, crop: Any) -> None:
        self.__dict__.update(vars(loader))
        self.crop = crop

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Add ``img``, the resized crop (H, W, 3) in BGR, ``img_shape`` and ``ori_shape``."""
        try:
            return self._load_crop(results, results["img_path"])
        except SampleError:
            if self.ignore_empty:
                return None
            raise

    def fill(self, results: dict[str, Any], image: np.ndarray) -> dict[str, Any]:
        """Add a crop of a whole image to ``results``."""
        filled: dict[str, Any] = self.crop.transform(super().fill(results, image))
        return filled

    def __repr__(self) -> str:
        """Return the two steps."""
        return f"{super().__repr__()[:-1]}, crop={self.crop})"

    def _load_crop(self, results: dict[str, Any], path: str) -> dict[str, Any]:
        content = self.read(path)
        frame = self._frame(content)
        if frame is None:
            image = self.decode(content, path)
            check_size(results, *image.shape[:2])
            return self.fill(results, image)
        size = frame.height, frame.width
        check_size(results, *size)
        box = self._draw(size)
        factor = self._factor(box)
        part = decode_part(content, frame, box[0] + box[2], factor)
        image, factor = (self.decode(content, path), 1) if part is None else (part, factor)
        crop = self._resized(image, box) if factor == 1 else self._resized_part(image, box, factor)
        results["img"] = crop
        results["img_shape"], results["ori_shape"] = crop.shape, size
        return results

    def _frame(self, content: bytes) -> Frame | None:
        """Return the header of a file that may be decoded in part."""
        frame = read_frame(content)
        if frame and self.max_pixels is not None and frame.height * frame.width > self.max_pixels:
            return None
        return frame

    def _draw(self, size: tuple[int, int]) -> Box:
        """Draw a crop of an image of this height and width."""
        # the method below its decorator, which copies itself at each call
        draw = getattr_static(self.crop, "rand_crop_params").func
        box: Box = draw(self.crop, SimpleNamespace(shape=size))
        return box

    def _factor(self, box: Box) -> int:
        """Return by how much the image may be reduced for the crop to be no smaller than asked."""
        if not self.scaled_decoding or self.crop.interpolation not in _SMOOTH:
            return 1
        times = min(box[2] // self.crop.scale[0], box[3] // self.crop.scale[1])
        return next((factor for factor in FACTORS if factor <= times), 1)

    def _resized(self, image: np.ndarray, box: Box) -> np.ndarray:
        top, left, height, width = box
        resized: np.ndarray = mmcv.imresize(
            image[top : top + height, left : left + width],
            tuple(self.crop.scale[::-1]),
            interpolation=self.crop.interpolation,
            backend=self.crop.backend,
        )
        return resized

    def _resized_part(self, image: np.ndarray, box: Box, factor: int) -> np.ndarray:
        """Resize what is left of ``box`` in a reduced image, where its edges may cut pixels."""
        top, left, height, width = (value / factor for value in box)
        rows, columns = self.crop.scale
        if self.crop.backend == "pillow":
            right, bottom = min(left + width, image.shape[1]), min(top + height, image.shape[0])
            method = pillow_interp_codes[self.crop.interpolation]
            reduced = Image.fromarray(image)
            return np.array(reduced.resize((columns, rows), method, box=(left, top, right, bottom)))
        # as cv2.resize, which has whole boxes only, maps the centres of pixels
        y, x = height / rows, width / columns
        matrix = np.array([[x, 0, left + (x - 1) / 2], [0, y, top + (y - 1) / 2]])
        method = cv2_interp_codes[self.crop.interpolation] | cv2.WARP_INVERSE_MAP
        edge = cv2.BORDER_REPLICATE
        return cv2.warpAffine(image, matrix, (columns, rows), flags=method, borderMode=edge)


def fits(loader: Any, crop: Any) -> bool:
    """Return whether two steps can be done in one, by their types and settings."""
    return (
        type(loader) is LoadImageFromFile
        and (type(crop).__module__.partition(".")[0], type(crop).__name__) in _CROPS
        and loader.imdecode_backend == "cv2"
        and loader.color_type in ("color", "color_ignore_orientation")
        and not loader.to_float32
    )
