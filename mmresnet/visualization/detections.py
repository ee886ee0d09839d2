"""A picture of what a detector found in images, compared with their annotations, mistakes first.

It stands on what ``tools/infer.py`` has written, so that no model is loaded.
"""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Corners = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels of the image

RIGHT, WRONG, MISSED = "right", "wrong", "missed"
COLOURS = {RIGHT: "#22c55e", WRONG: "#ef4444", MISSED: "#facc15"}
_ORDER = (MISSED, WRONG, RIGHT)  # of drawing: the last lies on top
SAME_PLACE = 0.5  # intersection over union from which on two boxes mean the same object


@dataclass
class Box:
    """A predicted box that is right or wrong, or an annotated one that was missed."""

    corners: Corners
    name: str
    verdict: str
    score: float = 1.0


@dataclass
class Scene:
    """An image and its boxes."""

    path: str
    boxes: list[Box] = field(default_factory=list)

    @property
    def mistakes(self) -> int:
        return sum(box.verdict != RIGHT for box in self.boxes)


def judge(results: str | os.PathLike, annotations: str | os.PathLike) -> list[Scene]:
    """Compare a detector's results with the annotations of the same images.

    Predictions are taken by falling score. One is right if an annotated box of its class that
    no other has taken overlaps it by an IoU of 0.5 or more; of several the nearest is taken. Boxes
    within a crowd are not judged.

    Args:
        results: ``results.json`` of ``tools/infer.py``.
        annotations: a file in COCO's format; an image is found by its file name.

    Raises:
        UserError: a file is missing, is no such file, or they have no image in common.
    """
    from mmresnet.datasets.coco_file import read_coco

    found = _read_results(results)
    content = read_coco(annotations)
    names = {category["id"]: category["name"] for category in content["categories"]}
    truths = defaultdict(list)
    for annotation in content["annotations"]:
        truths[annotation["image_id"]].append(annotation)
    by_name = {image["file_name"]: image["id"] for image in content["images"]}
    scenes = []
    for result in found:
        image = _find(result["path"], by_name)
        if image is not None:
            boxes = _compare(result["objects"], truths[image], names)
            scenes.append(Scene(result["path"], boxes))
    if not scenes:
        raise UserError(
            f"'{results}' and '{annotations}' have no image in common: give the annotations of the "
            "images that tools/infer.py looked at."
        )
    return scenes


def _read_results(path: str | os.PathLike) -> list[dict]:
    try:
        results = json.loads(Path(path).read_text(encoding="utf-8"))["results"]
        return [one for one in results if one["path"] is not None and one["objects"] is not None]
    except FileNotFoundError as error:
        raise UserError(f"There is no '{path}': tools/infer.py writes it to its --out.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"'{path}' holds no results of a detector: give results.json of tools/infer.py."
        ) from error


def _find(path: str, by_name: dict[str, int]) -> int | None:
    """Return the id of the image whose name, which may have folders in it, ends ``path``."""
    parts = Path(path).parts
    tails = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((by_name[tail] for tail in tails if tail in by_name), None)


def _compare(objects: list[dict], truths: list[dict], names: dict[int, str]) -> list[Box]:
    crowds = [_corners(truth["bbox"]) for truth in truths if truth["iscrowd"]]
    open_truths = [
        (_corners(truth["bbox"]), names[truth["category_id"]])
        for truth in truths
        if not truth["iscrowd"]
    ]
    boxes = []
    for one in sorted(objects, key=lambda one: -one["score"]):
        corners = tuple(one["box"])
        same = [truth for truth in open_truths if truth[1] == one["name"]]
        best = max(same, key=lambda truth: overlap(corners, truth[0]), default=None)
        if best is not None and overlap(corners, best[0]) >= SAME_PLACE:
            open_truths.remove(best)
            boxes.append(Box(corners, one["name"], RIGHT, one["score"]))
        elif not any(overlap(corners, crowd, of_first=True) >= SAME_PLACE for crowd in crowds):
            boxes.append(Box(corners, one["name"], WRONG, one["score"]))
    return boxes + [Box(corners, name, MISSED) for corners, name in open_truths]


def _corners(bbox: list[float]) -> Corners:
    x, y, width, height = bbox
    return x, y, x + width, y + height


def overlap(a: Corners, b: Corners, of_first: bool = False) -> float:
    """Return the common area of two boxes over their union, or over ``a`` with ``of_first``."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    first, second = ((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    whole = first if of_first else first + second - width * height
    return width * height / whole if whole > 0 else 0.0


def plot_detections(scenes: list[Scene], path: str | os.PathLike, count: int = 12) -> None:
    """Draw ``count`` of the images with their boxes to ``path``.

    Those with most mistakes come first, and then some without, evenly spaced over the rest.

    Raises:
        UserError: ``count`` is not positive, or matplotlib is missing.
    """
    if count < 1:
        raise UserError(f"A picture shows at least 1 image, not {count}.")
    from PIL import Image

    from mmresnet.visualization.figure import new_figure, save

    shown = _choose(scenes, count)
    columns = min(len(shown), 4)
    rows = math.ceil(len(shown) / columns)
    with Image.open(shown[0].path) as first:
        height = 2.6 * min(first.height / first.width, 1.5)
    figure = new_figure(2.6 * columns, (height + 0.06) * rows + 0.35)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    for axes, scene in zip(grid, shown, strict=False):
        _draw_scene(axes, scene)
    legend = "green: right; red: wrong; yellow, dashed: missed"
    figure.suptitle(f"{summary(scenes)} ({legend})", x=0.01, ha="left", fontsize=9)
    save(figure, path)


def _choose(scenes: list[Scene], count: int) -> list[Scene]:
    wrong = sorted((s for s in scenes if s.mistakes), key=lambda scene: -scene.mistakes)
    right = [scene for scene in scenes if not scene.mistakes]
    # with mistakes everywhere, something that went well is still shown
    wrong = wrong[: max(count - len(right), math.ceil(count / 2))]
    room = min(count - len(wrong), len(right))
    return wrong + [right[index * len(right) // room] for index in range(room)]


def summary(scenes: list[Scene]) -> str:
    """Return how many boxes of all images are right, wrong and missed, in one line."""
    verdicts = [box.verdict for scene in scenes for box in scene.boxes]
    right, wrong, missed = (verdicts.count(kind) for kind in (RIGHT, WRONG, MISSED))
    return (
        f"{len(scenes):,} images: {right:,} of {right + missed:,} objects found, "
        f"{wrong:,} boxes wrong, {missed:,} objects missed"
    )


def _draw_scene(axes: Axes, scene: Scene) -> None:
    from matplotlib.patches import Rectangle
    from PIL import Image, ImageOps

    with Image.open(scene.path) as image:
        picture = ImageOps.exif_transpose(image).convert("RGB")
    axes.imshow(picture, interpolation="nearest")
    for box in sorted(scene.boxes, key=lambda box: _ORDER.index(box.verdict)):
        x1, y1, x2, y2 = box.corners
        colour = COLOURS[box.verdict]
        style = "--" if box.verdict == MISSED else "-"
        # pixel (0, 0) reaches from -0.5 to 0.5 in a figure, and from 0 to 1 in a box
        left, top, bottom = x1 - 0.5, y1 - 0.5, y2 - 0.5
        axes.add_patch(
            Rectangle((left, top), x2 - x1, y2 - y1, fill=False, color=colour, lw=1.4, ls=style)
        )
        text = f"no {box.name}" if box.verdict == MISSED else f"{box.name} {box.score:.0%}"
        # what lies in one place has its texts in different ones; none leaves the picture
        if box.verdict == RIGHT:
            place, side = top, "bottom" if y1 > 0.07 * picture.height else "top"
        elif box.verdict == WRONG:
            place, side = bottom, "top" if y2 < 0.93 * picture.height else "bottom"
        else:
            place, side = bottom, "bottom"
        axes.text(
            max(left, 0.0),
            place,
            text,
            va=side,
            fontsize=6.5,
            color="black",
            clip_on=True,
            bbox=dict(facecolor=colour, edgecolor="none", pad=0.6),
        )
    axes.set_xlim(-0.5, picture.width - 0.5)
    axes.set_ylim(picture.height - 0.5, -0.5)
    axes.axis("off")
