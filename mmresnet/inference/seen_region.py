"""Which part of an image a model sees, after the resizing and cropping of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmresnet.inference.sources import Source

if TYPE_CHECKING:
    from mmresnet.inference.pipeline import Reader

Region = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels of the image. Padding lies outside of the image."""


class SeenRegions:
    """The regions of images that a reader's pipeline gives to the model.

    A pipeline may have any steps that resize, crop, pad and normalize. So it is not its settings
    that are read: ramps of brightness are sent through it, from whose values at the output a line
    is fitted to where these pixels come from.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[tuple[int, int], Region] = {}

    def of(self, height: int, width: int) -> Region:
        """Return the region for an image of this size."""
        if (height, width) not in self._known:
            self._known[height, width] = self._measure(height, width)
        return self._known[height, width]

    def _measure(self, height: int, width: int) -> Region:
        black, white = (self._output(np.full((height, width), value)) for value in (0, 255))
        inside = white != black  # and equal in padding
        ramps = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
        ends = []
        for axis, ramp in enumerate(ramps):
            range_ = np.where(inside, white - black, 1)
            share = np.where(inside, (self._output(ramp) - black) / range_, np.nan)
            ends.append(_ends(share, axis, (width, height)[axis]))
        (left, right), (top, bottom) = ends
        return left, top, right, bottom

    def _output(self, grey: np.ndarray) -> np.ndarray:
        """Return the mean over the channels of what the model gets for a grey image."""
        array = np.repeat(grey.round().astype(np.uint8)[..., None], 3, axis=2)
        (image,) = self._reader.read([Source("", array=array)])
        assert not hasattr(image, "reason")  # arrays are always read
        return image.data["inputs"].double().mean(0).numpy()


def _ends(share: np.ndarray, axis: int, size: int) -> tuple[float, float]:
    """Return where the two ends of an axis of the input lie in an image with ``size`` pixels.

    Args:
        share: (h, w), the position of each pixel from the image's first (0) to its last one (1).
        axis: 0 for the horizontal one, 1 for the vertical one.
    """
    rows = share if axis == 0 else share.T
    inside = ~np.isnan(rows).all(axis=0)
    positions = np.nanmean(rows[:, inside], axis=0) * (size - 1) + 0.5  # of pixels' centres
    if len(positions) < 2 or size < 2:
        return 0.0, float(size)
    slope, first = np.polyfit(np.flatnonzero(inside) + 0.5, positions, 1)
    return float(first), float(first + slope * rows.shape[1])
