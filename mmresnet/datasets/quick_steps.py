"""Steps of mmpretrain's pipelines with the same draws and results in less time.

At 32×32 pixels an image costs less than what surrounds it, so that is what these leave out.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import RandomFlip as StockRandomFlip
from mmcv.transforms.base import BaseTransform
from mmpretrain.datasets.transforms import PackInputs as StockPackInputs
from mmpretrain.datasets.transforms import RandomCrop as StockRandomCrop

# the method below its decorator, which copies itself at each call
_rand_crop_params = vars(StockRandomCrop)["rand_crop_params"].func


class RandomCrop(StockRandomCrop):
    """mmpretrain's ``RandomCrop``, which fills only that part of a border which the crop shows."""

    @staticmethod
    def replaces(step: StockRandomCrop) -> bool:
        """Return whether a step does what this one does."""
        colour = step.pad_val  # a number other than 0 is OpenCV's for the first channel alone
        of_integers = isinstance(colour, tuple) and all(isinstance(value, int) for value in colour)
        fills = of_integers or colour == 0
        return isinstance(step.padding, int) and not step.pad_if_needed and fills

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pad and crop ``img``, (H, W, 3), and set ``img_shape``."""
        image = results["img"]
        if image.shape[2:] != (3,) or getattr(self, "_cache_enabled", False):
            stock: dict[str, Any] = super().transform(results)
            return stock
        rows, columns = image.shape[:2]
        border = self.padding
        padded = SimpleNamespace(shape=(rows + 2 * border, columns + 2 * border))
        top, left, height, width = _rand_crop_params(self, padded)
        top, left = top - border, left - border  # in the image
        crop = np.empty((height, width, 3), image.dtype)
        if top < 0 or left < 0 or top + height > rows or left + width > columns:
            crop[:] = self.pad_val
        y, x = max(top, 0), max(left, 0)
        part = image[y : max(top + height, 0), x : max(left + width, 0)]
        crop[y - top : y - top + part.shape[0], x - left : x - left + part.shape[1]] = part
        results["img"], results["img_shape"] = crop, crop.shape
        return results


class RandomFlip(StockRandomFlip):
    """mmcv's ``RandomFlip``, which draws without a table of probabilities."""

    @staticmethod
    def replaces(step: StockRandomFlip) -> bool:
        """Return whether a step does what this one does."""
        return isinstance(step.prob, float) and isinstance(step.direction, str)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Flip ``img`` and what else there is, and set ``flip`` and ``flip_direction``."""
        if getattr(self, "_cache_enabled", False):
            stock: dict[str, Any] = super().transform(results)
            return stock
        # np.random.choice compares one draw with the share of its first option
        flip = np.random.random_sample() < self.prob / (self.prob + (1.0 - self.prob))
        results["flip"] = bool(flip)
        results["flip_direction"] = self.direction if flip else None
        if flip:
            self._flip(results)
        return results


class PackInputs(StockPackInputs):
    """mmpretrain's ``PackInputs``, which separates channels by OpenCV's vector instructions."""

    @staticmethod
    def replaces(step: StockPackInputs) -> bool:
        """Return whether a step does what this one does."""
        return True

    @staticmethod
    def format_input(input_: Any) -> Any:
        """Return an image (H, W, 3) as a tensor (3, H, W); anything else as mmpretrain does."""
        if not (
            isinstance(input_, np.ndarray)
            and input_.dtype == np.uint8
            and input_.shape[2:] == (3,)
            and input_.size
        ):
            return StockPackInputs.format_input(input_)
        if not input_.flags.c_contiguous:
            mirrored = input_[:, ::-1]  # what was there before a horizontal flip, which is a view
            if not mirrored.flags.c_contiguous:
                return StockPackInputs.format_input(input_)
            input_ = cv2.flip(mirrored, 1)
        planes = np.empty((3, *input_.shape[:2]), np.uint8)
        cv2.split(input_, list(planes))
        return torch.from_numpy(planes)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return ``inputs`` and ``data_samples``."""
        if type(label := results.get("gt_label")) is int:  # torch.LongTensor takes longer
            results = {**results, "gt_label": torch.from_numpy(np.array([label], np.int64))}
        packed: dict[str, Any] = super().transform(results)
        return packed


QUICK = {
    StockRandomCrop: RandomCrop,
    StockRandomFlip: RandomFlip,
    StockPackInputs: PackInputs,
}


def quick_step(step: Any) -> Any:
    """Return a step, or its quicker class with its settings where there is one for them."""
    kind: Any = QUICK.get(type(step))
    if kind is None or not kind.replaces(step):
        return step
    quick: BaseTransform = kind.__new__(kind)
    quick.__dict__.update(vars(step))
    return quick
