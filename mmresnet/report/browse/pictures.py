"""Samples of a pipeline and inputs of a net as pictures, whatever was done to their colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from mmresnet.visualization.overlay import colour_of, readable, text_colour_on, text_font

# steps that exchange red and blue if this attribute is true
_EXCHANGES = {"NumpyToPIL": "to_rgb", "PILToNumpy": "to_bgr", "Normalize": "to_rgb"}
_MOST_NAMES = 3
_MASK_ALPHA = 110  # of 255


class Colours:
    """What was done to the colours of an image, so that it can be undone.

    Args:
        bgr: Whether the image begins with blue, as those that are loaded from files do.
    """

    def __init__(self, bgr: bool) -> None:
        self._bgr = bgr
        self._scales: list[tuple[np.ndarray, np.ndarray]] = []

    def follow(self, step: Any) -> None:
        """Take note of a step of a pipeline."""
        step = getattr(step, "t", step)  # one of torchvision's, wrapped by mmpretrain
        exchanges = getattr(step, _EXCHANGES.get(type(step).__name__, ""), False)
        self._follow(exchanges, getattr(step, "mean", None), getattr(step, "std", None))

    def follow_preprocessor(self, preprocessor: Any) -> None:
        """Take note of the data preprocessor of a model, mmpretrain's or mmdet's."""
        exchanges = getattr(preprocessor, "to_rgb", False)
        exchanges |= getattr(preprocessor, "_channel_conversion", False)
        normalizes = getattr(preprocessor, "_enable_normalize", False)
        scale = (preprocessor.mean, preprocessor.std) if normalizes else (None, None)
        self._follow(exchanges, *scale)

    def _follow(self, exchanges: bool, mean: Any, std: Any) -> None:
        if exchanges:
            self._bgr = not self._bgr
            self._scales = [(m[::-1], s[::-1]) for m, s in self._scales]
        if mean is not None and std is not None:  # all that do both exchange first
            self._scales.append((_flat(mean), _flat(std)))

    def picture(self, image: Any) -> np.ndarray:
        """Return an image as (H, W, 3) uint8 in RGB.

        Args:
            image: (H, W) or (H, W, C), PIL's, or a tensor (C, H, W).
        """
        if isinstance(image, torch.Tensor):
            image = image.detach().cpu().movedim(0, -1).numpy()
        pixels = np.asarray(image)
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        if pixels.dtype != np.uint8:
            pixels = self._unscaled(pixels.astype(np.float32))
        pixels = pixels[..., ::-1] if self._bgr else pixels
        return np.broadcast_to(pixels[..., :3], (*pixels.shape[:2], 3)).copy()

    def _unscaled(self, pixels: np.ndarray) -> np.ndarray:
        for mean, std in reversed(self._scales):
            pixels = pixels * std + mean
        if pixels.max() <= 1.001:  # torchvision's floats
            pixels = pixels * 255
        return pixels.clip(0, 255).round().astype(np.uint8)


def _flat(values: Any) -> np.ndarray:
    return np.asarray(torch.as_tensor(values).cpu().flatten(), dtype=np.float32)


@dataclass
class View:
    """A picture, and what is known of it at that step.

    Attributes:
        pixels: (H, W, 3) uint8 in RGB.
        boxes: (n, 4), corners in pixels.
        labels: The classes of the boxes.
        masks: (n, H, W), the pixels of the boxes' objects; None without masks.
        shares: The classes of the image with the shares that they have in its target.
    """

    pixels: np.ndarray
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    labels: list[int] = field(default_factory=list)
    masks: np.ndarray | None = None
    shares: dict[int, float] = field(default_factory=dict)

    def same_as(self, other: View) -> bool:
        """Return whether nothing has changed that can be seen."""
        return np.array_equal(self.pixels, other.pixels) and np.array_equal(self.boxes, other.boxes)

    def lines(self, classes: Sequence[str]) -> list[str]:
        """Return size, classes and number of boxes in words."""
        height, width = self.pixels.shape[:2]
        lines = [f"{width}×{height}"]
        if self.shares:
            lines.append(_shares(self.shares, classes))
        elif len(self.boxes):
            counts = Counter(_name(label, classes) for label in self.labels).most_common()
            more = f" and {len(counts) - _MOST_NAMES} more" * (len(counts) > _MOST_NAMES)
            lines.append(", ".join(f"{n} {name}" for name, n in counts[:_MOST_NAMES]) + more)
        return lines

    def draw(self, side: int, classes: Sequence[str]) -> Image.Image:
        """Return the picture with its boxes, its longer side at most ``side`` pixels."""
        picture = Image.fromarray(self.pixels)
        for mask, label in zip(() if self.masks is None else self.masks, self.labels, strict=False):
            shade = Image.fromarray(np.where(mask, _MASK_ALPHA, 0).astype(np.uint8))
            picture.paste(colour_of(label), (0, 0, *shade.size), shade)  # without padding
        scale = min(1.0, side / max(picture.size))
        if len(self.boxes) and scale == 1:
            scale = max(1.0, side / 2 / max(picture.size))
        if scale != 1:
            size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
            picture = picture.resize(size, Image.Resampling.BICUBIC)
        pen = ImageDraw.Draw(picture)
        for box, label in zip(self.boxes * scale, self.labels, strict=True):
            _draw_box(pen, box.tolist(), label, _name(label, classes))
        return picture


def view_of(sample: Mapping[str, Any], colours: Colours) -> View | None:
    """Return what a sample shows between the steps of a pipeline or after them; None is nothing."""
    image = sample.get("inputs", sample.get("img"))
    if image is None or isinstance(image, (list, tuple)):
        return None
    packed = sample.get("data_samples")
    view = View(colours.picture(image))
    if packed is not None:
        _annotate(view, packed)
        return view
    if "gt_label" in sample:
        view.shares = {int(label): 1.0 for label in np.atleast_1d(sample["gt_label"])}
    if "gt_bboxes" in sample:
        _add_boxes(
            view, sample["gt_bboxes"], sample.get("gt_bboxes_labels"), sample.get("gt_masks")
        )
    return view


def view_of_input(inputs: Any, sample: Any, colours: Colours) -> View:
    """Return what the net gets for an image, (3, H, W), with its target."""
    view = View(colours.picture(inputs))
    if sample is not None:
        _annotate(view, sample)
    return view


def _annotate(view: View, sample: Any) -> None:
    if "gt_instances" in sample:
        instances = sample.gt_instances
        _add_boxes(view, *map(instances.get, ("bboxes", "labels", "masks")))
    elif "gt_score" in sample:
        score = sample.gt_score
        view.shares = {int(i): float(score[i]) for i in score.argsort(descending=True) if score[i]}
    elif "gt_label" in sample:
        view.shares = {int(label): 1.0 for label in sample.gt_label.flatten()}
    if "gt_bboxes" in sample:
        _add_boxes(view, sample.gt_bboxes)


def _add_boxes(view: View, boxes: Any, labels: Any = None, masks: Any = None) -> None:
    corners = getattr(boxes, "tensor", boxes)  # mmdet's class of boxes
    if corners is None:
        return
    view.boxes = np.asarray(torch.as_tensor(corners).cpu(), dtype=float).reshape(-1, 4)
    if labels is None:  # the boxes of an image with one class
        labels = [next(iter(view.shares), 0)] * len(view.boxes)
    view.labels = [int(label) for label in labels]
    view.masks = None if masks is None else masks.to_ndarray()  # mmdet's class of masks


def _name(label: int, classes: Sequence[str]) -> str:
    return classes[label] if label < len(classes) else str(label)


def _shares(shares: Mapping[int, float], classes: Sequence[str]) -> str:
    if set(shares.values()) == {1.0}:
        return ", ".join(_name(label, classes) for label in shares)
    large = [(label, share) for label, share in shares.items() if share >= 0.005]
    return ", ".join(f"{_name(label, classes)} {share:.0%}" for label, share in large[:_MOST_NAMES])


def _draw_box(pen: ImageDraw.ImageDraw, box: Sequence[float], label: int, name: str) -> None:
    x1, y1, x2, y2 = box
    colour, font, size = colour_of(label), text_font(11), 11
    pen.rectangle((x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)), outline=colour, width=2)
    text = readable(name, label)
    width = pen.textlength(text, font) + 4
    if width > 1.5 * (x2 - x1):  # it would hide its neighbours
        return
    top = y1 - size - 2 if y1 >= size + 2 else y1
    pen.rectangle((x1, top, x1 + width, top + size + 2), fill=colour)
    pen.text((x1 + 2, top + size / 2 + 1), text, text_colour_on(colour), font, anchor="lm")
