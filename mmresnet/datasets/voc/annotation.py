"""Annotation files in the XML format of PASCAL VOC, of which ImageNet's are a variant."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from xml.etree import ElementTree

from mmresnet.errors import UserError


@dataclass
class Annotation:
    """The objects in an image.

    Attributes:
        size: Width and height of the image; None where the file does not give them.
        names: The class of each object, as the file spells it.
        boxes: xmin, ymin, xmax, ymax of each, as in the file: the first and last pixel of a row
            and of a column that belong to the object.
        difficult: Whether an object is marked as hard to recognise.
    """

    size: tuple[int, int] | None = None
    names: list[str] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    difficult: list[bool] = field(default_factory=list)


def read_annotation(path: str | os.PathLike[str]) -> Annotation:
    """Read a file.

    Raises:
        OSError: It does not exist, or cannot be read.
        UserError: It is not in VOC's format; with what is wrong.
    """
    try:
        root = ElementTree.parse(path).getroot()
        annotation = Annotation(_size(root))
        for one in root.iter("object"):
            annotation.names.append(_text(one, "name"))
            annotation.boxes.append(_box(one))
            annotation.difficult.append(_number(one, "difficult") != 0)
    except (ElementTree.ParseError, ValueError) as error:
        raise UserError(
            f"'{path}' is no annotation in VOC's format: {error}. Correct it, or take its image "
            "out of the list of images."
        ) from error
    return annotation


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    size = root.find("size")
    if size is None:
        return None
    width, height = int(_number(size, "width")), int(_number(size, "height"))
    return (width, height) if width > 0 and height > 0 else None


def _box(one: ElementTree.Element) -> tuple[float, float, float, float]:
    box = one.find("bndbox")
    if box is None:
        raise ValueError(f"the object '{_text(one, 'name')}' has no <bndbox>")
    x1, y1, x2, y2 = (float(_text(box, side)) for side in ("xmin", "ymin", "xmax", "ymax"))
    return x1, y1, x2, y2


def _text(element: ElementTree.Element, tag: str) -> str:
    text = (element.findtext(tag) or "").strip()
    if not text:
        raise ValueError(f"<{element.tag}> has no <{tag}>")
    return text


def _number(element: ElementTree.Element, tag: str) -> float:
    """Return a number that may be left out, which is zero."""
    return float(element.findtext(tag) or 0)
