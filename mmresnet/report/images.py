"""The pictures of a page: small, each once, and together within a number of bytes."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from mmresnet.datasets.shards.paths import openable
from mmresnet.errors import ShardError

MOST_BYTES = 20 << 20  # of all pictures, as text in the page
Source = str | os.PathLike[str] | np.ndarray | Image.Image
Box = tuple[Sequence[float], str]
"""Left, top, right and bottom in pixels of the image file; a colour such as "#2a9d58"."""

_UNREADABLE = (
    *(OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError),
    ShardError,
)
_QUALITY = 60
_SMALLEST = 32  # smaller images, such as CIFAR's, keep their pixels, and the page enlarges them


class Images:
    """Thumbnails, as WebP in data URIs.

    Args:
        most_bytes: How long the URIs may be together. Pictures beyond that are left out.

    Attributes:
        uris: The pictures by index.
        missing: How many files could not be read.
        left_out: How many pictures the budget had no room for.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.uris: list[str] = []
        self.missing = self.left_out = 0
        self._most, self._used = most_bytes, 0
        self._known: dict[Any, int | None] = {}

    def add(
        self, image: Source, boxes: Sequence[Box] = (), side: int = 96, original: bool = False
    ) -> int | None:
        """Return the index of a picture in the page.

        Args:
            image: A file, a PIL image, or an RGB or grey array (H, W[, 3]) of uint8.
            boxes: Boxes to draw.
            side: The longer side of the thumbnail in pixels; smaller images are not enlarged.
            original: Keep the image's own size and nearly all of its quality.

        Returns:
            None if the image cannot be read or the budget is spent.
        """
        key = (_identity(image), repr(boxes), side, original)
        if key not in self._known:
            self._known[key] = self._embed(image, boxes, side, original)
        return self._known[key]

    def _embed(self, image: Source, boxes: Sequence[Box], side: int, original: bool) -> int | None:
        if self._used >= self._most:
            self.left_out += 1
            return None
        picture = open_picture(image, None if original or boxes else side)
        if picture is None:
            self.missing += 1
            return None
        if boxes:
            scale = 1 if original else min(1, side / max(picture.size))
            _draw(picture, boxes, width=max(1, round(1.5 / scale)))
        if not original:
            picture.thumbnail(
                (side, side), Image.Resampling.BOX if boxes else Image.Resampling.BICUBIC
            )
        uri = _data_uri(picture, 90 if original else _QUALITY)
        if self._used + len(uri) > self._most:
            self.left_out += 1
            return None
        self._used += len(uri)
        self.uris.append(uri)
        return len(self.uris) - 1


def _identity(image: Source) -> Any:
    if isinstance(image, (str, os.PathLike)):
        return os.fspath(image)
    array = np.ascontiguousarray(image)
    return (array.shape, hashlib.sha1(array.tobytes()).hexdigest())


def open_picture(image: Source, side: int | None = None) -> Image.Image | None:
    """Return an RGB image, None if it cannot be read; JPEG files are decoded near ``side``."""
    if isinstance(image, Image.Image):
        return image.convert("RGB")
    if isinstance(image, np.ndarray):
        return Image.fromarray(image).convert("RGB")
    with contextlib.suppress(*_UNREADABLE), Image.open(openable(image)) as file:
        if side is not None:
            file.draft("RGB", (2 * side, 2 * side))
        return ImageOps.exif_transpose(file).convert("RGB")
    return None


def _draw(picture: Image.Image, boxes: Sequence[Box], width: int) -> None:
    draw = ImageDraw.Draw(picture)
    for (left, top, right, bottom), colour in boxes:
        corners = (left, top, max(left, right), max(top, bottom))
        draw.rectangle(corners, outline=colour, width=width)


def _data_uri(picture: Image.Image, quality: int) -> str:
    buffer = io.BytesIO()
    small = max(picture.size) <= _SMALLEST
    picture.save(buffer, "WEBP", quality=quality, lossless=small, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
