"""Steps of a pipeline that move boxes with the image: loading, and torchvision's transforms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from torchvision import tv_tensors
from torchvision.transforms import v2

from mmresnet.datasets.loading import LoadImageFromFile, unusable
from mmresnet.errors import UserTypeError, UserValueError, did_you_mean
from mmresnet.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImageWithBoxes(LoadImageFromFile):
    """Loads an image, and makes boxes of an annotated picture those of the file.

    ILSVRC's pictures were annotated in another size than some of the files have.
    ``annotated_size``, (width, height), is that size. Boxes are clipped to the image.

    Raises:
        SampleError: The file cannot be used, or lies on its side as annotated.
    """

    def fill(self, results: dict[str, Any], image: np.ndarray) -> dict[str, Any]:
        """Add an image to ``results``, and scale ``gt_bboxes``, float32 (N, 4), if any."""
        if "gt_bboxes" not in results:
            return super().fill(results, image)
        height, width = image.shape[:2]
        annotated = tuple(results.get("annotated_size", (width, height)))
        if annotated == (height, width) and width != height:
            raise unusable(
                results["img_path"],
                f"it has {width}x{height} pixels, and its boxes are for {height}x{width}, the size "
                "before the rotation that its EXIF data may ask for",
            )
        scale = np.array([width / annotated[0], height / annotated[1]] * 2, np.float32)
        boxes = results["gt_bboxes"] * scale
        limits = np.array([width, height] * 2, np.float32)
        results["gt_bboxes"] = boxes.clip(0, limits)
        return super().fill(results, image)


@TRANSFORMS.register_module()
class TransformWithBoxes(BaseTransform):
    """torchvision's geometric transforms (v2) on an image and its boxes.

    Boxes are clipped to the image; those of which less than a pixel of width or height is left are
    removed, so that a crop may have none.

    Args:
        transforms: The keywords of each transform by its name in ``torchvision.transforms.v2``, in
            the order of their use: ``dict(RandomCrop=dict(size=224), RandomHorizontalFlip={})``.

    Raises:
        ValueError: There is no transform of that name.
        TypeError: A transform does not have such keywords.
    """

    def __init__(self, transforms: Mapping[str, Mapping[str, Any]]) -> None:
        self.transforms = [_build(name, options) for name, options in transforms.items()]

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change ``img``, (H, W, 3), ``img_shape`` and ``gt_bboxes``, float32 (N, 4)."""
        image = tv_tensors.Image(torch.from_numpy(results["img"]).permute(2, 0, 1))
        boxes = tv_tensors.BoundingBoxes(
            torch.from_numpy(results["gt_bboxes"]), format="XYXY", canvas_size=image.shape[-2:]
        )
        for step in self.transforms:
            image, boxes = step(image, boxes)
        boxes = v2.functional.clamp_bounding_boxes(boxes)
        moved = boxes.as_subclass(torch.Tensor).numpy()
        left = (moved[:, 2:] - moved[:, :2] >= 1).all(1)
        results["img"] = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
        results["img_shape"] = results["img"].shape[:2]
        results["gt_bboxes"] = moved[left]
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.transforms})"


def _build(name: str, options: Mapping[str, Any]) -> v2.Transform:
    kind = getattr(v2, name, None)
    if not isinstance(kind, type) or not issubclass(kind, v2.Transform):
        known = [key for key, one in vars(v2).items() if isinstance(one, type)]
        raise UserValueError(
            f"TransformWithBoxes: torchvision.transforms.v2 has no transform {name!r}."
            f"{did_you_mean(name, known)}"
        )
    try:
        return kind(**options)
    except (TypeError, ValueError) as error:
        raise UserTypeError(f"TransformWithBoxes: {name}: {error}.") from error
