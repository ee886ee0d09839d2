"""An image file as a smaller JPEG file, from which training input is loaded in less time."""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from mmresnet.datasets.decoding import decode


@dataclass(frozen=True)
class Settings:
    """How images are made smaller.

    Attributes:
        size: The shorter side of the result, in pixels.
        quality: libjpeg's, from 1 to 100.
    """

    size: int
    quality: int

    def __str__(self) -> str:
        return f"--size {self.size} --quality {self.quality}"


def resized(content: bytes, settings: Settings) -> bytes | None:
    """Return a file with its shorter side reduced to ``settings.size``; None if it is no longer.

    Pixels are those that training decodes: upright by EXIF data, in colour, with 8 bits. They are
    averaged over the area that each new one covers. The result is a baseline JPEG file with colour
    at half the size (4:2:0) and without metadata.

    Raises:
        mmresnet.datasets.decoding.Undecodable: The reason.
    """
    image = decode(content)
    sides = image.shape[:2]
    shorter = min(sides)
    if shorter <= settings.size:
        return None
    height, width = (max(1, round(side * settings.size / shorter)) for side in sides)
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    options = [cv2.IMWRITE_JPEG_QUALITY, settings.quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    encoded: bytes = cv2.imencode(".jpg", small, options)[1].tobytes()
    return encoded
