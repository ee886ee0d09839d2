"""Pictures of results: labels below an image, boxes with names and masks in it."""

from __future__ import annotations

import colorsys
import functools
import math
from typing import TYPE_CHECKING

from mmresnet.inference.results import Label, Object, Result, decode_mask

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

Colour = tuple[int, int, int]

SMALLEST = 400  # pixels of the longer side below which an image is enlarged
_PALETTE = ("#e6194b", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#17becf", "#f2c500", "#e377c2")
_INK: tuple[Colour, Colour] = ((255, 255, 255), (17, 17, 17))


def draw(pixels: np.ndarray, result: Result, score_thr: float) -> np.ndarray:
    """Return a picture of ``result``, (H', W', 3) uint8 in RGB; its size depends on H and W alone.

    A small image is enlarged by a whole factor, so that a name beside it can be read. Of labels
    the best is shown, and others that reach ``score_thr``.

    Args:
        pixels: (H, W, 3) uint8 in BGR.
    """
    import numpy as np
    from PIL import Image

    height, width = pixels.shape[:2]
    factor = math.ceil(SMALLEST / max(height, width))
    picture = Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
    if factor > 1:
        picture = picture.resize((width * factor, height * factor), Image.Resampling.NEAREST)
    if "objects" in result:
        _draw_objects(picture, result["objects"], factor)
    else:
        labels = result["labels"]
        shown = labels[:1] + [one for one in labels[1:] if one["score"] >= score_thr]
        picture = _add_labels(picture, shown)
    return np.asarray(picture)


def colour_of(class_id: int) -> Colour:
    """Return the colour of a class, in RGB: the same in every picture."""
    if class_id < len(_PALETTE):
        text = _PALETTE[class_id]
        return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
    # the golden ratio keeps neighbours in the list apart on the circle of hues
    hue, value = class_id * 0.618034 % 1, (0.95, 0.75, 0.55)[class_id % 3]
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.8, value))
    return red, green, blue


def ink_on(colour: Colour) -> Colour:
    """Return white or near-black, whichever contrasts more with ``colour`` (WCAG 2, 1.4.3)."""
    luminances = [_luminance(one) for one in (colour, *_INK)]

    def contrast(first: float, second: float) -> float:
        return (max(first, second) + 0.05) / (min(first, second) + 0.05)

    white, black = (contrast(luminances[0], ink) for ink in luminances[1:])
    return _INK[white < black]


def _luminance(colour: Colour) -> float:
    shares = [part / 255 for part in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@functools.lru_cache
def _font(size: int) -> FreeTypeFont:
    import matplotlib  # which mmengine requires; Pillow's own font has no letters with accents
    from PIL import ImageFont

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)


@functools.lru_cache(maxsize=1024)
def _readable(name: str, class_id: int) -> str:
    """Return ``name``, or the class's number where the font lacks a letter of it."""
    font = _font(16)
    absent = font.getmask("\uffff")
    missing = (bytes(absent), absent.size)
    for letter in set(name) - set(" "):
        mask = font.getmask(letter)
        if (bytes(mask), mask.size) == missing:
            return f"class {class_id}"
    return name


def _text_size(picture: Picture) -> int:
    return max(13, round(0.028 * min(picture.size)))


def _draw_objects(picture: Picture, objects: list[Object], factor: int) -> None:
    """Draw the boxes, the best last and so on top, and then their names."""
    from PIL import ImageDraw

    size = _text_size(picture)
    thick = max(2, round(size / 7))
    for one in reversed(objects):
        if "mask" in one:
            _tint(picture, one, factor)
    pen = ImageDraw.Draw(picture)
    corners = []
    for one in reversed(objects):
        x1, y1, x2, y2 = (round(value * factor) for value in one["box"])
        x2, y2 = max(x1, x2 - 1), max(y1, y2 - 1)  # the box ends where its last pixel ends
        pen.rectangle((x1, y1, x2, y2), outline=colour_of(one["class_id"]), width=thick)
        corners.append((x1, y1))
    for one, corner in zip(reversed(objects), corners, strict=True):
        _tag(pen, picture, one, corner, size)


def _tag(pen: ImageDraw, picture: Picture, one: Object, corner: tuple[int, int], size: int) -> None:
    """Write name and score above the corner, or below it where the picture ends."""
    colour, font = colour_of(one["class_id"]), _font(size)
    text = f"{_readable(one['name'], one['class_id'])} {one['score']:.0%}"
    wide, high = math.ceil(pen.textlength(text, font)) + size // 2, round(1.3 * size)
    x = max(0, min(corner[0], picture.width - wide))
    y = corner[1] - high if corner[1] >= high else corner[1]
    pen.rectangle((x, y, x + wide - 1, y + high - 1), fill=colour)
    pen.text((x + size // 4, y + high / 2), text, ink_on(colour), font, anchor="lm")


def _tint(picture: Picture, one: Object, factor: int) -> None:
    from PIL import Image

    mask = Image.fromarray(decode_mask(one["mask"]))
    mask = mask.resize(picture.size, Image.Resampling.NEAREST) if factor > 1 else mask
    picture.paste(colour_of(one["class_id"]), mask=mask.convert("L").point(lambda v: v * 0.45))


def _add_labels(picture: Picture, labels: list[Label]) -> Picture:
    """Return the picture with a line of labels below it, as many as fit; each with a score."""
    from PIL import Image, ImageDraw

    size = max(14, _text_size(picture))
    high = round(1.9 * size)
    wide = max(picture.width, SMALLEST * 3 // 5)
    canvas = Image.new("RGB", (wide, picture.height + high), (32, 32, 32))
    canvas.paste(picture, ((wide - picture.width) // 2, 0))
    pen = ImageDraw.Draw(canvas)
    middle, x, end = picture.height + high / 2, size // 2, wide - size // 2
    font, chip = _font(size), round(0.6 * size)
    for number, one in enumerate(labels):
        name, score = _readable(one["name"], one["class_id"]), f" {one['score']:.0%}"
        room = end - x - 1.5 * chip - pen.textlength(score, font)
        if number and pen.textlength(name, font) > room:
            break
        top = middle - chip / 2
        pen.rectangle((x, top, x + chip, top + chip), fill=colour_of(one["class_id"]))
        text = _shorten(pen, name, font, room) + score
        x += 1.5 * chip
        pen.text((x, middle), text, _INK[0], font, anchor="lm")
        x += pen.textlength(text, font) + size
    if not labels:
        pen.text((x, middle), "no class", (170, 170, 170), font, anchor="lm")
    return canvas


def _shorten(pen: ImageDraw, name: str, font: FreeTypeFont, room: float) -> str:
    if pen.textlength(name, font) <= room:
        return name
    while name and pen.textlength(name + "…", font) > room:
        name = name[:-1]
    return name.rstrip(" ,") + "…"
