"""Draw results on an image: labels below it, or boxes, masks and names on it."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

from mmresnet.evaluation.results import Label, Object, Result, decode_mask

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

Colour = tuple[int, int, int]

MIN_SIZE = 400  # an image whose longer side has fewer pixels is enlarged
_PALETTE = ("#e6194b", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#17becf", "#f2c500", "#e377c2")
_WHITE, _BLACK = (255, 255, 255), (17, 17, 17)


def draw(pixels: np.ndarray, result: Result, score_thr: float) -> np.ndarray:
    """Return the image with ``result`` drawn on it or below it, (H', W', 3) uint8 in RGB.

    H' and W' depend on H and W alone: a small image is enlarged by an integer factor, so that names
    are legible.

    Args:
        pixels: (H, W, 3) uint8 in BGR.
        score_thr: The best label is drawn, and the others with at least this score.
    """
    import numpy as np
    from PIL import Image

    height, width = pixels.shape[:2]
    factor = math.ceil(MIN_SIZE / max(height, width))
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
    from PIL import ImageColor

    if class_id < len(_PALETTE):
        return ImageColor.getrgb(_PALETTE[class_id])[:3]
    # multiples of the golden ratio give consecutive classes distant hues
    hue, value = class_id * 0.618034 % 1, (95, 75, 55)[class_id % 3]
    return ImageColor.getrgb(f"hsv({360 * hue:.4f},80%,{value}%)")[:3]


def text_colour_on(colour: Colour) -> Colour:
    """Return white or near-black, whichever contrasts more with ``colour`` (WCAG 2, 1.4.3)."""

    def contrast(text: Colour) -> float:
        darker, lighter = sorted((_luminance(colour), _luminance(text)))
        return (lighter + 0.05) / (darker + 0.05)

    return max(_WHITE, _BLACK, key=contrast)


def _luminance(colour: Colour) -> float:
    channels = [channel / 255 for channel in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@functools.lru_cache
def text_font(size: int) -> FreeTypeFont:
    """Return the font of the texts in pictures; ``size`` is in pixels."""
    import matplotlib  # mmengine requires it; Pillow's own font has no accented letters
    from PIL import ImageFont

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)


@functools.lru_cache(maxsize=1024)
def readable(name: str, class_id: int) -> str:
    """Return ``name``, or "class <number>" if the font lacks one of its letters."""

    def glyph(letter: str) -> tuple[bytes, tuple[int, int]]:
        mask = text_font(16).getmask(letter)
        return bytes(mask), mask.size

    missing = glyph("\uffff")
    return f"class {class_id}" if any(glyph(c) == missing for c in {*name} - {" "}) else name


def _text_size(picture: Picture) -> int:
    return max(13, round(0.028 * min(picture.size)))


def _draw_objects(picture: Picture, objects: list[Object], factor: int) -> None:
    """Draw masks, then boxes, then names, each time with the highest score last, hence on top."""
    from PIL import ImageDraw

    size = _text_size(picture)
    line_width = max(2, round(size / 7))
    objects = objects[::-1]
    for one in objects:
        if "mask" in one:
            _draw_mask(picture, one, factor)
    pen = ImageDraw.Draw(picture)
    for one in objects:
        x1, y1, x2, y2 = (round(value * factor) for value in one["box"])
        x2, y2 = max(x1, x2 - 1), max(y1, y2 - 1)  # PIL includes the last pixel
        pen.rectangle((x1, y1, x2, y2), outline=colour_of(one["class_id"]), width=line_width)
    for one in objects:
        _draw_name(pen, picture, one, factor, size)


def _draw_name(pen: ImageDraw, picture: Picture, one: Object, factor: int, size: int) -> None:
    """Write name and score above the box, or inside of it at the top of the picture."""
    colour, font = colour_of(one["class_id"]), text_font(size)
    text = f"{readable(one['name'], one['class_id'])} {one['score']:.0%}"
    width, height = math.ceil(pen.textlength(text, font)) + size // 2, round(1.3 * size)
    left, top = (round(value * factor) for value in one["box"][:2])
    x = max(0, min(left, picture.width - width))
    y = top - height if top >= height else top
    pen.rectangle((x, y, x + width - 1, y + height - 1), fill=colour)
    pen.text((x + size // 4, y + height / 2), text, text_colour_on(colour), font, anchor="lm")


def _draw_mask(picture: Picture, one: Object, factor: int) -> None:
    from PIL import Image

    mask = Image.fromarray(decode_mask(one["mask"]))
    mask = mask.resize(picture.size, Image.Resampling.NEAREST) if factor > 1 else mask
    picture.paste(colour_of(one["class_id"]), mask=mask.convert("L").point(lambda v: v * 0.45))


def _add_labels(picture: Picture, labels: list[Label]) -> Picture:
    """Return the picture with as many labels and scores as fit on one line below it."""
    from PIL import Image, ImageDraw

    size = max(14, _text_size(picture))
    height, width = round(1.9 * size), max(picture.width, MIN_SIZE * 3 // 5)
    canvas = Image.new("RGB", (width, picture.height + height), (32, 32, 32))
    canvas.paste(picture, ((width - picture.width) // 2, 0))
    pen = ImageDraw.Draw(canvas)
    middle, end = picture.height + height / 2, width - size // 2
    x: float = size // 2
    font, swatch = text_font(size), round(0.6 * size)
    for number, one in enumerate(labels):
        name, score = readable(one["name"], one["class_id"]), f" {one['score']:.0%}"
        room = end - x - 1.5 * swatch - pen.textlength(score, font)
        if number and pen.textlength(name, font) > room:
            break
        top = middle - swatch / 2
        pen.rectangle((x, top, x + swatch, top + swatch), fill=colour_of(one["class_id"]))
        text = _shorten(pen, name, font, room) + score
        x += 1.5 * swatch
        pen.text((x, middle), text, _WHITE, font, anchor="lm")
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
