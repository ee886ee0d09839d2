"""Draw class activation maps on images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mmresnet.visualization.overlay import MIN_SIZE, draw

if TYPE_CHECKING:
    import numpy as np

    from mmresnet.evaluation.results import Label

Region = tuple[float, float, float, float]
_GAP = 8  # pixels between image and map


def draw_map(pixels: np.ndarray, values: np.ndarray, region: Region) -> np.ndarray:
    """Return the image with a map on it, (H, W, 3) uint8 in the channel order of ``pixels``, BGR.

    What speaks most for the class is red, what does not speak for it keeps the image's colour.
    What the model does not see is darkened.

    Args:
        pixels: (H, W, 3) uint8 in BGR.
        values: (h, w) float32; those that are not positive are drawn as 0.
        region: What the model sees, of which the map is: left, top, right and bottom in pixels.
    """
    import matplotlib
    import numpy as np

    heat = _on_image(values.clip(0) / max(float(values.max()), 1e-12), region, pixels.shape[:2])
    seen = ~np.isnan(heat)
    heat = np.where(seen, heat, 0)[..., None]
    colours = matplotlib.colormaps["turbo"](heat[..., 0])[..., 2::-1] * 255
    alpha = 0.7 * np.sqrt(heat)
    blended = pixels * (1 - alpha) + colours * alpha
    return np.where(seen[..., None], blended, 0.35 * pixels).round().astype(np.uint8)


def enlarged(pixels: np.ndarray, region: Region, side: int) -> tuple[np.ndarray, Region]:
    """Return image and region, by an integer factor so large that a side has ``side`` pixels."""
    factor = math.ceil(side / max(pixels.shape[:2]))
    left, top, right, bottom = (factor * one for one in region)
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1), (left, top, right, bottom)


def draw_beside(pixels: np.ndarray, values: np.ndarray, region: Region, label: Label) -> np.ndarray:
    """Return the image, the map on it, and the class below them, (H', W', 3) uint8 in RGB.

    A small image is enlarged. Arguments are those of :func:`draw_map`.
    """
    import numpy as np

    large, region = enlarged(pixels, region, MIN_SIZE)
    gap = np.full((len(large), _GAP, 3), 255, np.uint8)
    both = np.concatenate([large, gap, draw_map(large, values, region)], axis=1)
    height, width = both.shape[:2]
    return draw(both, {"path": None, "width": width, "height": height, "labels": [label]}, 1.0)


def _on_image(values: np.ndarray, region: Region, size: tuple[int, int]) -> np.ndarray:
    """Return a map from 0 to 1 over an image of this height and width; NaN where it has none."""
    import cv2
    import numpy as np

    height, width = size
    left, top, right, bottom = region
    columns, rows = np.arange(width) + 0.5, np.arange(height) + 0.5
    x = (columns - left) / max(right - left, 1e-6) * values.shape[1] - 0.5
    y = (rows - top) / max(bottom - top, 1e-6) * values.shape[0] - 0.5
    across, down = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    heat = cv2.remap(
        values, across, down, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    inside = np.outer((rows > top) & (rows < bottom), (columns > left) & (columns < right))
    return np.where(inside, heat, np.nan)
