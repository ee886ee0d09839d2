"""Pictures of detections for a report: crops of single boxes, and images with all boxes.

Annotated boxes are dashed: green where they were found, yellow where they were missed. Detections
are solid: green where they are right, red where they are wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from PIL import Image, ImageDraw

from mmresnet.evaluation.detection.average_precision import FALSE_POSITIVE, TRUE_POSITIVE
from mmresnet.evaluation.detection.detection_file import Detections
from mmresnet.evaluation.detection.matching import Outcome
from mmresnet.evaluation.detection_errors.diagnosis import Diagnosis
from mmresnet.report.images import Images, open_picture
from mmresnet.visualization.detections import COLOURS
from mmresnet.visualization.overlay import readable, text_font

RIGHT, WRONG = COLOURS[Outcome.TRUE_POSITIVE], COLOURS[Outcome.FALSE_POSITIVE]
MISSED = COLOURS[Outcome.FALSE_NEGATIVE]
_CROP, _THUMBNAIL, _LARGE = 128, 280, 720  # sides in pixels
_AROUND = 0.35  # what a crop shows on each side of the boxes, of their longer side
_LEAST = 12  # pixels of the image that it shows on each side
_TEXT = 13

Pair = tuple[int, int]
"""The indices of an object and of a detection, -1 for none."""
Corners = tuple[float, float, float, float]
Drawn = tuple[Corners, str, bool, str]
"""A box to draw: its corners, its colour, whether it is dashed, and its text."""


class Pictures:
    """Pictures of the boxes of a set.

    Args:
        listed: The file that was diagnosed, which names the images.
    """

    def __init__(self, listed: Detections, found: Diagnosis, images: Images) -> None:
        self.found = found
        self._listed, self._images = listed.images, images
        self._crops: dict[Pair, int | None] = {}

    def name(self, image: int) -> str:
        """Return the file name of an image."""
        return str(self._listed[image]["file_name"])

    def image_of(self, objects: np.ndarray, detections: np.ndarray) -> np.ndarray:
        """Return the images of pairs of boxes, (n,)."""
        boxes = self.found.boxes
        of_object = np.append(boxes.objects.image, -1)[objects]
        return np.where(objects >= 0, of_object, np.append(boxes.detections.image, -1)[detections])

    def crops(self, pairs: Sequence[Pair]) -> list[int | None]:
        """Return pictures of pairs of boxes with what is around them; each file is opened once."""
        wanted = list(dict.fromkeys(pair for pair in pairs if pair not in self._crops))
        columns = np.array(wanted, dtype=int).reshape(-1, 2).T
        ordered = sorted(zip(self.image_of(*columns).tolist(), wanted, strict=True))
        for image, group in groupby(ordered, key=lambda one: one[0]):
            picture = open_picture(self._listed[image]["path"])
            for _, pair in group:
                crop = None if picture is None else _crop(picture, list(self._boxes(pair)))
                self._crops[pair] = None if crop is None else self._images.add(crop, side=_CROP)
        return [self._crops[pair] for pair in pairs]

    def _boxes(self, pair: Pair) -> Iterator[Drawn]:
        which, detection = pair
        boxes, matches = self.found.boxes, self.found.matches
        if which >= 0:
            colour = RIGHT if self._reached(which) else MISSED
            yield _corners(boxes.objects.box[which]), colour, True, ""
        if detection >= 0:
            right = matches.outcome[detection] == TRUE_POSITIVE
            yield _corners(boxes.detections.box[detection]), RIGHT if right else WRONG, False, ""

    def _reached(self, which: int) -> bool:
        """Return whether an object was found, with at least the advised score."""
        finder = self.found.matches.detection[which]
        return bool(
            finder >= 0 and self.found.boxes.detections.score[finder] >= self.found.threshold
        )

    def image(self, index: int) -> tuple[int | None, int | None]:
        """Return a thumbnail of an image with all its boxes, and a large picture with names."""
        picture = open_picture(self._listed[index]["path"])
        if picture is None:
            return None, None
        boxes = list(self._boxes_of(index))
        pictures = []
        for side, line, names in ((_THUMBNAIL, 2, False), (_LARGE, 2, True)):
            scaled, scale = _fit(picture, side)
            _draw(scaled, boxes, scale, line, names)
            pictures.append(self._images.add(scaled, side=side))
        return pictures[0], pictures[1]

    def _boxes_of(self, image: int) -> Iterator[Drawn]:
        boxes, matches, classes = self.found.boxes, self.found.matches, self.found.boxes.classes
        kept = boxes.detections.score >= self.found.threshold
        counted = (boxes.objects.image == image) & ~boxes.objects.ignored
        for which in np.flatnonzero(counted).tolist():
            reached, label = self._reached(which), int(boxes.objects.label[which])
            text = "" if reached else f"no {readable(classes[label], label)}"
            yield _corners(boxes.objects.box[which]), RIGHT if reached else MISSED, True, text
        for which in np.flatnonzero((boxes.detections.image == image) & kept).tolist():
            outcome, label = matches.outcome[which], int(boxes.detections.label[which])
            if outcome == TRUE_POSITIVE:
                yield _corners(boxes.detections.box[which]), RIGHT, False, ""
            elif outcome == FALSE_POSITIVE:
                text = f"{readable(classes[label], label)} {boxes.detections.score[which]:.0%}"
                yield _corners(boxes.detections.box[which]), WRONG, False, text


def _corners(box: np.ndarray) -> Corners:
    x, y, width, height = np.nan_to_num(box).tolist()  # of a training that has diverged
    return x, y, x + width, y + height


def _fit(picture: Image.Image, side: int) -> tuple[Image.Image, float]:
    """Return a copy of at most this side, small images enlarged to half of it, and the scale."""
    longer = max(picture.size)
    scale = side / longer if longer > side else max(1.0, side / 2 / longer)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.BICUBIC), scale


def _crop(picture: Image.Image, boxes: list[Drawn]) -> Image.Image | None:
    left, top = (min(corners[i] for corners, *_ in boxes) for i in (0, 1))
    right, bottom = (max(corners[i] for corners, *_ in boxes) for i in (2, 3))
    around = max(_LEAST, _AROUND * max(right - left, bottom - top))
    x1, y1 = max(0, int(left - around)), max(0, int(top - around))
    x2 = min(picture.width, round(right + around) + 1)
    y2 = min(picture.height, round(bottom + around) + 1)
    if x2 <= x1 or y2 <= y1:  # a box beside the image
        return None
    scale = _CROP / max(x2 - x1, y2 - y1)
    size = (max(1, round((x2 - x1) * scale)), max(1, round((y2 - y1) * scale)))
    crop = picture.resize(size, Image.Resampling.BICUBIC, box=(x1, y1, x2, y2))
    _draw(crop, boxes, scale, 2, names=False, start=(x1, y1))
    return crop


def _draw(
    picture: Image.Image,
    boxes: Sequence[Drawn],
    scale: float,
    line: int,
    names: bool,
    start: tuple[int, int] = (0, 0),
) -> None:
    """Draw boxes on a picture that begins at ``start`` in the image and is ``scale`` as large."""
    pen = ImageDraw.Draw(picture)
    # corners beside the picture are drawn just outside of it
    low, high = -line - 1, np.array(picture.size * 2) + line
    placed = [
        np.clip((np.array(corners) - start * 2) * scale, low, high).tolist()
        for corners, *_ in boxes
    ]
    for corners, (_, colour, dashed, _) in zip(placed, boxes, strict=True):
        _rectangle(pen, corners, colour, line, dashed)
    for corners, (_, colour, _, text) in zip(placed, boxes, strict=True):
        if names and text:
            _label(pen, picture, corners, colour, text)


def _label(
    pen: ImageDraw.ImageDraw, picture: Image.Image, corners: list[float], colour: str, text: str
) -> None:
    """Write a text above a detection, and below a missed object."""
    font = text_font(_TEXT)
    width, height = pen.textlength(text, font) + 6, _TEXT + 4
    x = min(max(0.0, corners[0]), max(0.0, picture.width - width))
    y = corners[3] if colour == MISSED else corners[1] - height
    y = min(max(0.0, y), max(0.0, picture.height - height))
    pen.rectangle((x, y, x + width, y + height), fill=colour)
    pen.text((x + 3, y + height / 2), text, "black", font, anchor="lm")


def _rectangle(
    pen: ImageDraw.ImageDraw, corners: list[float], colour: str, width: int, dashed: bool
) -> None:
    x1, y1, x2, y2 = corners
    x2, y2 = max(x1, x2), max(y1, y2)
    if not dashed:
        pen.rectangle((x1, y1, x2, y2), outline=colour, width=width)
        return
    if colour == MISSED:  # which is hard to see on a light image
        pen.rectangle((x1, y1, x2, y2), outline="#303030", width=width)
    dash = 3 * width
    for start in np.arange(x1, x2, 2 * dash).tolist():
        for y in (y1, y2):
            pen.line((start, y, min(start + dash, x2), y), colour, width)
    for start in np.arange(y1, y2, 2 * dash).tolist():
        for x in (x1, x2):
            pen.line((x, start, x, min(start + dash, y2)), colour, width)
