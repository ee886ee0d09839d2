"""Decoding the content of image files: the same picture by OpenCV and by Pillow, or a reason."""

from __future__ import annotations

import io

import cv2
import mmcv
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mmresnet.datasets.jpeg_parts import decode_whole

# The number from which on Pillow refuses an image as a decompression bomb: 3 bytes for each are
# half a gigabyte.
MAX_PIXELS = 178_956_970
COLOR_TYPES = ("color", "grayscale", "color_ignore_orientation", "grayscale_ignore_orientation")

_JPEG, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_PNG, _TIFF = b"\x89PNG", (b"II*\0", b"II+\0", b"MM\0*", b"MM\0+")
# A blank JPEG of MAX_PIXELS, progressive and with optimal Huffman codes, is larger.
_SMALL_JPEG = 300_000
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
_set_log_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # OpenCV 5's


class Undecodable(Exception):
    """The content of a file is not an image that can be used; the text is the reason."""


def decode(
    content: bytes,
    color_type: str = "color",
    backend: str = "cv2",
    max_pixels: int | None = MAX_PIXELS,
) -> np.ndarray:
    """Decode an image as ``mmcv.imfrombytes`` does, and refuse what is incomplete.

    Differences to mmcv's, for "cv2" and "pillow" and all ``color_type`` but "unchanged":

    * 16 bits are reduced to their upper 8 and alpha is dropped, where mmcv's by Pillow turns the
      former white and puts a coloured ground below the latter if the image is gray.
    * In colour, whichever is asked for, PNG files are decoded by OpenCV, since Pillow ignores their
      checksums; TIFF files by Pillow, since OpenCV multiplies colours with alpha and takes CIELAB
      for RGB; and WebP files with EXIF data by Pillow, since OpenCV 4 does not rotate them.
    * A file that OpenCV cannot decode is decoded by Pillow if that can.

    Args:
        max_pixels: Refuse larger images before they are decoded; None allows any.

    Returns:
        (H, W, 3) uint8 in BGR or, for grayscale, (H, W); the first of several frames.

    Raises:
        Undecodable: the reason.
    """
    if not content:
        raise Undecodable("the file is empty")
    _check_size(content, max_pixels)
    if color_type not in COLOR_TYPES or backend not in ("cv2", "pillow"):
        return _by_mmcv(content, color_type, backend)
    if color_type.startswith("color"):  # their formulas for gray differ
        backend = _better_reader(content) or backend
    if backend == "cv2":
        image = _by_opencv(content, color_type)
        if image is not None:
            return image
    return _by_pillow(content, color_type)


def _better_reader(content: bytes) -> str | None:
    if content.startswith(_PNG):
        return "cv2"
    webp_with_exif = content[8:16] == b"WEBPVP8X" and content[20:21] and content[20] & 8
    return "pillow" if content.startswith(_TIFF) or webp_with_exif else None


def _by_opencv(content: bytes, color_type: str) -> np.ndarray | None:
    if color_type.startswith("color") and (image := decode_whole(content)) is not None:
        return image  # the same in less time
    if content.startswith(_JPEG) and not content.endswith(_JPEG_END):
        _by_pillow(content, color_type)  # OpenCV 4 fills what is cut off with gray
    level = _set_log_level(0)  # it would print where in its code it failed
    try:
        return mmcv.imfrombytes(content, color_type, backend="cv2")
    except cv2.error:  # it refuses the size, or the format's parser fails
        return None
    finally:
        _set_log_level(level)


def _by_pillow(content: bytes, color_type: str) -> np.ndarray:
    try:
        if content.startswith(_PNG):
            with Image.open(io.BytesIO(content)) as image:
                image.verify()  # Pillow decodes a PNG whatever its checksums are
        with Image.open(io.BytesIO(content)) as file:
            if not color_type.endswith("ignore_orientation"):
                ImageOps.exif_transpose(file, in_place=True)
            image = _as_rgb(file)
            if color_type.startswith("grayscale"):
                return np.array(image.convert("L"))
            return np.array(image)[:, :, ::-1]
    except UnidentifiedImageError as error:
        start = content[:12]
        raise Undecodable(f"it is in no known image format (it begins with {start!r})") from error
    except _PILLOW_ERRORS as error:
        raise Undecodable(f"it is cut off or damaged ({error})") from error


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise Undecodable("its pixels are floating-point numbers: save it with 8 or 16 bits")
    if image.mode.startswith("I"):  # I;16, I;16B, or I of a PGM file
        values = np.asarray(image)
        if values.min() < 0 or values.max() >= 1 << 16:
            raise Undecodable("its pixels have more than 16 bits: save it with 8 or 16")
        image = Image.fromarray((values >> 8).astype(np.uint8))
    if image.mode == "LA":
        image = image.getchannel("L")
    return image if image.mode == "RGB" else image.convert("RGB")


def _by_mmcv(content: bytes, color_type: str, backend: str) -> np.ndarray:
    try:
        image = mmcv.imfrombytes(content, color_type, backend=backend)
    except (*_PILLOW_ERRORS, cv2.error) as error:
        raise Undecodable(f"it is cut off or damaged ({error})") from error
    if image is None:
        raise Undecodable("OpenCV cannot decode it")
    return image


def _check_size(content: bytes, max_pixels: int | None) -> None:
    """Refuse an image of more pixels than ``max_pixels``, by what its first bytes say."""
    if max_pixels is None or max_pixels > MAX_PIXELS:
        Image.MAX_IMAGE_PIXELS = None  # else Pillow would refuse what is asked for
    if max_pixels is None or (content.startswith(_JPEG) and len(content) < _SMALL_JPEG):
        return
    if content.startswith(_PNG):  # without Pillow, which takes as long as a small image
        width, height = (int.from_bytes(content[i : i + 4], "big") for i in (16, 20))
    else:
        try:
            with Image.open(io.BytesIO(content)) as image:
                width, height = image.size
        except Image.DecompressionBombError as error:
            raise Undecodable(f"{error}: see max_pixels of mmresnet.LoadImageFromFile") from error
        except _PILLOW_ERRORS:
            return
    if width * height > max_pixels:
        raise Undecodable(
            f"it has {width}x{height} pixels, more than the {max_pixels:,} that max_pixels of "
            "mmresnet.LoadImageFromFile allows"
        )
