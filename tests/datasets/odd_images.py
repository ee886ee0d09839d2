"""Image files as they are found in folders, written at run time."""

import functools
import io
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

HEIGHT, WIDTH = 60, 80
Y, X = np.mgrid[:HEIGHT, :WIDTH]
RGB = np.stack([X * 3, Y * 4, X + Y], axis=-1).astype(np.uint8)
GRAY16 = (X * 800 + Y).astype(np.uint16)
PICTURE = Image.fromarray(RGB)
ORIENTATION = 0x0112  # EXIF's tag


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return the content of a file of this kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def encoded(suffix: str, array: np.ndarray) -> bytes:
    """Return the content of a file by OpenCV, which writes 16 bits."""
    return cv2.imencode(suffix, array)[1].tobytes()


def rotated(kind: str, orientation: int = 6, **options: object) -> bytes:
    """Return an image whose EXIF data ask for a rotation."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return saved(PICTURE, kind, exif=exif, **options)


def with_alpha() -> Image.Image:
    """Return the picture, which alpha makes invisible at the left."""
    image = PICTURE.copy()
    image.putalpha(Image.fromarray((X * 3).astype(np.uint8)))
    return image


def animated(kind: str, **options: object) -> bytes:
    """Return three frames, of which the picture is the first."""
    frames = [Image.fromarray(np.roll(RGB, 20 * i, axis=1)) for i in range(3)]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)


def flipped(content: bytes) -> bytes:
    """Return a content with a byte changed in its middle."""
    place = len(content) * 2 // 3
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


@functools.cache
def huge_png(side: int = 30_000) -> bytes:
    """Return a black square, one bit per pixel, in a few kilobytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        length, checksum = len(data), zlib.crc32(name + data)
        return length.to_bytes(4, "big") + name + data + checksum.to_bytes(4, "big")

    head = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    rows = zlib.compressobj()
    data = b"".join(rows.compress(bytes(1 + (side + 7) // 8)) for _ in range(side)) + rows.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def cut(content: bytes, share: float) -> bytes:
    """Return the first part of a content."""
    return content[: int(len(content) * share)]


JPEG, PNG = saved(PICTURE, "JPEG", quality=95), saved(PICTURE, "PNG")
GRAY = PICTURE.convert("L")
LA = Image.merge("LA", [GRAY, Image.fromarray((X * 3).astype(np.uint8))])
BGR = RGB[..., ::-1]
GRAY16_AS_8 = np.repeat((GRAY16 >> 8).astype(np.uint8)[..., None], 3, axis=2)
TURNED = np.rot90(BGR, -1)  # orientation 6: by 90 degrees clockwise

# name: content, what both readers return, and how far its values may differ
Expected = np.ndarray
TAKEN: dict[str, tuple[Callable[[], bytes], Expected, int]] = {
    "plain.jpg": (lambda: JPEG, BGR, 30),
    "progressive.jpg": (lambda: saved(PICTURE, "JPEG", progressive=True, quality=95), BGR, 30),
    "bytes_after_the_end.jpg": (lambda: JPEG + bytes(50), BGR, 30),
    "cmyk.jpg": (lambda: saved(PICTURE.convert("CMYK"), "JPEG", quality=95), BGR, 30),
    "exif_rotated.jpg": (lambda: rotated("JPEG", quality=95), TURNED, 30),
    "exif_mirrored.jpg": (lambda: rotated("JPEG", 2, quality=95), BGR[:, ::-1], 30),
    "exif_rotated.png": (lambda: rotated("PNG"), TURNED, 0),
    "exif_rotated.webp": (lambda: rotated("WEBP", lossless=True), TURNED, 0),
    "exif_rotated.tif": (lambda: rotated("TIFF"), TURNED, 0),
    "png_named.jpg": (lambda: PNG, BGR, 0),
    "gray16.png": (lambda: encoded(".png", GRAY16), GRAY16_AS_8, 0),
    "gray16.tif": (lambda: encoded(".tif", GRAY16), GRAY16_AS_8, 0),
    "gray16.pgm": (
        lambda: b"P5 %d %d 65535\n" % (WIDTH, HEIGHT) + GRAY16.astype(">u2").tobytes(),
        GRAY16_AS_8,
        0,
    ),
    "int32.tif": (
        lambda: saved(Image.fromarray(GRAY16.astype(np.int32)), "TIFF"),
        GRAY16_AS_8,
        0,
    ),
    "colour16.png": (lambda: encoded(".png", BGR.astype(np.uint16) * 256 + 200), BGR, 0),
    "colour16.tif": (lambda: encoded(".tif", BGR.astype(np.uint16) * 256 + 200), BGR, 0),
    "palette.png": (lambda: saved(PICTURE.quantize(256), "PNG"), BGR, 20),
    "palette_transparent.png": (
        lambda: saved(PICTURE.quantize(256), "PNG", transparency=3),
        BGR,
        20,
    ),
    "alpha.png": (lambda: saved(with_alpha(), "PNG"), BGR, 0),
    "alpha.tif": (lambda: saved(with_alpha(), "TIFF"), BGR, 0),
    "gray_alpha.png": (lambda: saved(LA, "PNG"), np.asarray(GRAY.convert("RGB")), 0),
    "bits.png": (
        lambda: saved(PICTURE.convert("1"), "PNG"),
        np.asarray(PICTURE.convert("1").convert("RGB")),
        0,
    ),
    "animated.gif": (lambda: animated("GIF"), BGR, 30),
    "animated.webp": (lambda: animated("WEBP", lossless=True), BGR, 0),
    "animated.apng": (lambda: animated("PNG"), BGR, 0),
    "pages.tif": (lambda: animated("TIFF"), BGR, 0),
    "one_pixel.png": (lambda: saved(PICTURE.crop((0, 0, 1, 1)), "PNG"), BGR[:1, :1], 0),
    "one_row.png": (lambda: saved(PICTURE.crop((0, 0, WIDTH, 1)), "PNG"), BGR[:1], 0),
}
DAMAGED = "it is cut off or damaged"
UNKNOWN = "it is in no known image format"
# name: content, and what the reason begins with
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty.jpg": (lambda: b"", "the file is empty"),
    "cut_at_90_percent.jpg": (lambda: cut(JPEG, 0.9), DAMAGED),
    "cut_at_half.jpg": (lambda: cut(JPEG, 0.5), DAMAGED),
    "without_its_end.jpg": (lambda: JPEG[:-2], DAMAGED),
    "cut_at_90_percent.png": (lambda: cut(PNG, 0.9), DAMAGED),
    "without_its_end.png": (lambda: PNG[:-12], DAMAGED),
    "wrong_checksum.png": (lambda: flipped(PNG), DAMAGED),
    "cut.gif": (lambda: cut(saved(PICTURE, "GIF"), 0.5), DAMAGED),
    "cut.webp": (lambda: cut(saved(PICTURE, "WEBP"), 0.9), DAMAGED),
    "cut.bmp": (lambda: cut(saved(PICTURE, "BMP"), 0.9), DAMAGED),
    "cut.tif": (lambda: cut(saved(PICTURE, "TIFF"), 0.9), DAMAGED),
    "cut.jp2": (lambda: cut(saved(PICTURE, "JPEG2000"), 0.5), DAMAGED),
    "web_page.jpg": (
        lambda: b"<!DOCTYPE html><html>404</html>",
        f"{UNKNOWN} (it begins with b'<!D",
    ),
    "zeros.jpg": (lambda: bytes(5000), UNKNOWN),
    "float.tif": (
        lambda: saved(Image.fromarray((X / WIDTH).astype(np.float32)), "TIFF"),
        "its pixels are floating-point numbers",
    ),
    "int32_large.tif": (
        lambda: saved(Image.fromarray(GRAY16.astype(np.int32) * 100), "TIFF"),
        "its pixels have more than 16 bits",
    ),
    "30000x30000.png": (huge_png, "it has 30000x30000 pixels, more than the 178,956,970"),
}


def write(folder: Path, name: str) -> Path:
    """Write a file of one of the tables."""
    content = (TAKEN.get(name) or REFUSED[name])[0]
    path = folder / name
    path.write_bytes(content())
    return path
