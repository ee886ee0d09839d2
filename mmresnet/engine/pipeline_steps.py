"""The parts of a classifier's test pipeline: resizing, crop, and what is before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mmresnet.config.walk import type_name
from mmresnet.errors import UserError

Step = dict[str, Any]

# of each step: the keyword of its size
_CROPS = {"CenterCrop": "crop_size", "torchvision/CenterCrop": "size"}
_RESIZES = {"ResizeEdge": "scale", "Resize": "scale", "torchvision/Resize": "size"}
# what a pipeline may have besides: steps that leave the size of the image unchanged
_OTHERS = ("LoadImageFromFile", "NumpyToPIL", "torchvision/PILToTensor", "Normalize", "PackInputs")
# of each random crop of a training: the keyword of its size
_TRAINING_CROPS = {
    "RandomCrop": "crop_size",
    "RandomResizedCrop": "scale",
    "torchvision/RandomCrop": "size",
    "torchvision/RandomResizedCrop": "size",
}


@dataclass(frozen=True)
class Steps:
    """The parts of a pipeline, in its order.

    Attributes:
        before: What is before the resizing.
        resize: The resizing; None if there is none.
        between: What is between resizing and crop.
        after: What is after the crop or, where there is none, the packing.
        crop_size: Height and width of the images that the net gets, in pixels.
        has_corners: Whether the images that are cropped are larger than the crop.
        padding: Keywords of the border that the training adds to images of the crop's size.
        pillow: Whether the images are Pillow's.
    """

    before: list[Step]
    resize: Step | None
    between: list[Step]
    after: list[Step]
    crop_size: int
    has_corners: bool
    padding: Step = field(default_factory=dict)
    pillow: bool = False

    def flips(self) -> list[Step]:
        """Return the step that leaves an image as it is, and the one that mirrors it."""
        if self.pillow:
            return [{"type": "torchvision/RandomHorizontalFlip", "p": p} for p in (0.0, 1.0)]
        flip = {"type": "RandomFlip", "direction": "horizontal"}
        return [{**flip, "prob": prob} for prob in (0.0, 1.0)]

    def resized(self, short_side: int) -> Step:
        """Return the step that resizes to another short side, otherwise as the pipeline does.

        Where it does not resize, the aspect ratio is kept.

        Raises:
            UserError: The pipeline resizes in a way that has no short side.
        """
        if self.resize is None:
            if self.pillow:
                return {"type": "torchvision/Resize", "size": short_side}
            return {"type": "ResizeEdge", "scale": short_side, "edge": "short"}
        name = type_name(self.resize)
        size = self.resize.get(_RESIZES[name])
        if name == "ResizeEdge" and self.resize.get("edge", "short") != "short":
            raise _not_derived(f"{name} does not resize the short edge")
        if name == "Resize" and (size is None or self.resize.get("keep_ratio")):
            raise _not_derived("Resize has no short side with keep_ratio or scale_factor")
        if isinstance(size, list | tuple):  # of two, both sides are resized
            return {**self.resize, _RESIZES[name]: [short_side] * len(size)}
        return {**self.resize, _RESIZES[name]: short_side}


def read_steps(pipeline: Sequence[Step], training: Sequence[Step] = ()) -> Steps:
    """Return the parts of a test pipeline.

    Args:
        training: The pipeline of the training. Its random crop gives the size of the crops where
            the test pipeline has none, as for CIFAR, and ``RandomCrop`` their border.

    Raises:
        UserError: It has other steps than these, or the size of the crop is not known.
    """
    names = [type_name(step) for step in pipeline]
    for name in names:
        if name not in (*_CROPS, *_RESIZES, *_OTHERS):
            known = ", ".join((*_RESIZES, *_CROPS, *_OTHERS))
            raise _not_derived(f"its step '{name}' is none of {known}")
    resizes = [i for i, name in enumerate(names) if name in _RESIZES]
    crops = [i for i, name in enumerate(names) if name in _CROPS]
    if len(resizes) > 1 or len(crops) > 1 or (resizes and crops and crops[0] < resizes[0]):
        raise _not_derived("it does not resize once and then crop once")
    # without a crop, the views are made where the image is complete, just before it is packed
    end = crops[0] if crops else len(names) - 1
    begin = resizes[0] if resizes else end
    resize = dict(pipeline[begin]) if resizes else None
    sides = _sides(resize)
    trained, border = _training_crop(training)
    if crops:
        size = _square(pipeline[end][_CROPS[names[end]]])
    else:
        size = sides[0] if len(sides) == 2 and sides[0] == sides[1] else trained
    if not size:
        raise _not_derived(
            "neither the test pipeline (CenterCrop, a square Resize) nor that of the training "
            "(RandomResizedCrop, RandomCrop) says which size the net is trained on"
        )
    if crops and sides and min(sides) < size:
        raise _not_derived(f"it crops {size}×{size} from images with a side of {min(sides)}")
    return Steps(
        before=[dict(step) for step in pipeline[:begin]],
        resize=resize,
        between=[dict(step) for step in pipeline[begin + 1 : end]] if resizes else [],
        after=[dict(step) for step in pipeline[end + len(crops) :]],
        crop_size=size,
        has_corners=bool(crops) or any(side > size for side in sides),
        padding=border if size == trained and not crops else {},
        pillow=any(name == "NumpyToPIL" or name.startswith("torchvision/") for name in names),
    )


def _training_crop(training: Sequence[Step]) -> tuple[int, Step]:
    """Return the size of a training's random crop, 0 if it has none, and keywords of its border."""
    for step in training:
        name = type_name(step)
        if name in _TRAINING_CROPS:
            keywords = ("padding", "pad_val", "padding_mode") if name == "RandomCrop" else ()
            border = {key: step[key] for key in keywords if key in step}
            return _square(step[_TRAINING_CROPS[name]]), border if border.get("padding") else {}
    return 0, {}


def _sides(resize: Step | None) -> list[int]:
    """Return the sides that a step resizes to: two, the short one, or none that is known."""
    if resize is None or resize.get("keep_ratio") or resize.get("edge", "short") != "short":
        return []
    name = type_name(resize)
    size = resize.get(_RESIZES[name])
    if isinstance(size, list | tuple):
        return [int(side) for side in size]
    if size is None:  # mmcv's Resize may have a scale_factor
        return []
    return [int(size)] * (2 if name == "Resize" else 1)


def _square(size: Any) -> int:
    sizes = list(size) if isinstance(size, list | tuple) else [size]
    if len(set(sizes)) != 1:
        raise _not_derived(f"a crop of {'×'.join(map(str, sizes))} pixels is not square")
    return int(sizes[0])


def _not_derived(reason: str) -> UserError:
    return UserError(
        "The views of a test cannot be derived from test_dataloader.dataset.pipeline: "
        f"{reason}. Write them as a step TestTimeAug, with the model mmresnet.AverageScoresTTA or "
        "mmresnet.DenseTTA; docs/testing.md has the lines."
    )
