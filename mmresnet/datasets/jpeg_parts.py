"""Decoding of JPEG files: whole, at a part of their size, or their first rows."""

from __future__ import annotations

import struct
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import cv2
import numpy as np

# optional: OpenCV is slower, and decodes all rows
simplejpeg: Any = import_module("simplejpeg") if find_spec("simplejpeg") else None

FACTORS = (8, 4, 2)  # that libjpeg divides height and width by when it transforms a block
_REDUCED = {
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_EXIF, _ORIENTATION = b"Exif\0\0", 0x0112
_UPRIGHT = (3, 1, 1)  # one short integer, 1
_APP1, _START_OF_SCAN = 0xE1, 0xDA
# frames that OpenCV decodes: baseline, extended and progressive, all with Huffman codes
_FRAMES, _OTHER_FRAMES = (0xC0, 0xC1, 0xC2), (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD)
# Rows of the output below a row from which libjpeg interpolates its colour, which may have a
# quarter of the rows.
_MARGIN = 4


class Frame(NamedTuple):
    """What the header of a JPEG file says.

    Attributes:
        offset: Where in the file the two bytes of the height are.
    """

    height: int
    width: int
    offset: int


def read_frame(content: bytes) -> Frame | None:
    """Read the header of a JPEG file in gray or colour, with 8 bits, that no EXIF data rotate.

    None is the answer for anything else: other formats, CMYK, files without an end, and those
    whose EXIF data are damaged.
    """
    if not (content.startswith(b"\xff\xd8\xff") and content.endswith(b"\xff\xd9")):
        return None
    frame = None
    place = 2
    while place + 10 < len(content):
        start, marker, length = struct.unpack_from(">BBH", content, place)
        if start != 0xFF or not 0xC0 <= marker <= 0xFE or marker in _OTHER_FRAMES:
            return None
        if marker == _START_OF_SCAN:
            return frame
        if marker in _FRAMES:
            bits, height, width, channels = struct.unpack_from(">BHHB", content, place + 4)
            if bits != 8 or channels not in (1, 3) or not height or not width:
                return None
            frame = Frame(height, width, place + 5)
        elif marker == _APP1 and not _upright(content[place + 4 : place + 2 + length]):
            return None
        place += 2 + length
    return None


def _upright(segment: bytes) -> bool:
    """Return whether a segment of metadata surely leaves the image as it is."""
    if not segment.startswith(_EXIF):
        return True
    try:
        order = {b"II*\0": "<", b"MM\0*": ">"}[segment[6:10]]  # TIFF's, from byte 6 on
        (offset,) = struct.unpack_from(f"{order}I", segment, 10)
        (count,) = struct.unpack_from(f"{order}H", segment, 6 + offset)
        for place in range(8 + offset, 8 + offset + 12 * count, 12):
            tag, kind, number, value = struct.unpack_from(f"{order}HHIH", segment, place)
            if tag == _ORIENTATION:
                return (kind, number, value) == _UPRIGHT
    except (KeyError, struct.error):
        return False
    return True


def decode_whole(content: bytes) -> np.ndarray | None:
    """Decode a JPEG file by simplejpeg, as OpenCV does bit for bit; None where that must do it.

    Returns:
        (H, W, 3) uint8, in BGR; None for what :func:`read_frame` does not take, for files with an
        error in them, or without simplejpeg.
    """
    if simplejpeg is None or read_frame(content) is None:
        return None
    try:
        image: np.ndarray = simplejpeg.decode_jpeg(content, "BGR")
    except ValueError:
        return None
    return image


def decode_part(content: bytes, frame: Frame, bottom: int, factor: int = 1) -> np.ndarray | None:
    """Decode the rows above ``bottom`` at 1/``factor`` of their size, and perhaps some below.

    A smaller size leaves out coefficients of a block of 8×8 pixels, which is a low-pass filter.
    The pixels are those that OpenCV gives for the whole file at this size, bit for bit.

    Args:
        bottom: In rows of the whole image.
        factor: 1, 2, 4 or 8.

    Returns:
        (at least bottom / factor, ceil(W / factor), 3) uint8, in BGR; None if the file has to be
        decoded as a whole.
    """
    if simplejpeg is None:
        if factor == 1:
            return None
        return cv2.imdecode(np.frombuffer(content, np.uint8), _REDUCED[factor])
    height = min(frame.height, bottom + _MARGIN * factor)
    if height < frame.height:  # the decoder stops there, and ignores what follows
        place = frame.offset
        content = content[:place] + height.to_bytes(2, "big") + content[place + 2 :]
    smallest = dict(min_height=-(-height // factor), min_width=-(-frame.width // factor))
    try:
        image: np.ndarray = simplejpeg.decode_jpeg(
            content, "BGR", strict=False, min_factor=factor, **smallest
        )
    except ValueError:
        return None
    return image
