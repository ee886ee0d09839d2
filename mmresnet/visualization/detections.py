"""Draw images with a detector's true positives, false positives and false negatives."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from mmresnet.datasets.shards.paths import openable
from mmresnet.errors import UserError
from mmresnet.evaluation.detection.matching import Outcome, Scene, summary
from mmresnet.visualization.figure import new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# in the order of drawing: the last are on top
COLOURS = {
    Outcome.FALSE_NEGATIVE: "#facc15",
    Outcome.FALSE_POSITIVE: "#ef4444",
    Outcome.TRUE_POSITIVE: "#22c55e",
}
LEGEND = "green: true positive; red: false positive; yellow, dashed: false negative"


def plot_detections(scenes: list[Scene], path: str | os.PathLike[str], count: int = 12) -> None:
    """Draw ``count`` of the images with their boxes to ``path``.

    The images with most mistakes come first, then some without, evenly spaced over the rest.

    Raises:
        UserError: ``count`` is not positive, or matplotlib is missing.
    """
    if count < 1:
        raise UserError(f"count must be at least 1, not {count}.")
    from PIL import Image

    shown = _choose(scenes, count)
    columns = min(len(shown), 4)
    rows = math.ceil(len(shown) / columns)
    with Image.open(openable(shown[0].path)) as first:
        height = 2.6 * min(first.height / first.width, 1.5)
    figure = new_figure(2.6 * columns, (height + 0.06) * rows + 0.35)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    for axes, scene in zip(grid, shown, strict=False):
        _draw_scene(axes, scene)
    figure.suptitle(f"{summary(scenes)}\n{LEGEND}", x=0.01, ha="left", fontsize=9)
    save(figure, path)


def _choose(scenes: list[Scene], count: int) -> list[Scene]:
    with_mistakes = sorted((s for s in scenes if s.mistakes), key=lambda scene: -scene.mistakes)
    correct = [scene for scene in scenes if not scene.mistakes]
    # up to half of the places are kept for images without mistakes
    shown = with_mistakes[: max(count - len(correct), math.ceil(count / 2))]
    room = min(count - len(shown), len(correct))
    return shown + [correct[index * len(correct) // room] for index in range(room)]


def _draw_scene(axes: Axes, scene: Scene) -> None:
    from matplotlib.patches import Rectangle
    from PIL import Image, ImageOps

    with Image.open(openable(scene.path)) as image:
        picture = ImageOps.exif_transpose(image).convert("RGB")
    axes.imshow(picture, interpolation="nearest")
    order = list(COLOURS)
    for box in sorted(scene.boxes, key=lambda box: order.index(box.outcome)):
        x1, y1, x2, y2 = box.corners
        colour = COLOURS[box.outcome]
        missed = box.outcome == Outcome.FALSE_NEGATIVE
        # pixel (0, 0) reaches from -0.5 to 0.5 in a figure, and from 0 to 1 in a box
        left, top, bottom = x1 - 0.5, y1 - 0.5, y2 - 0.5
        style: dict[str, Any] = dict(fill=False, color=colour, lw=1.4, ls="--" if missed else "-")
        axes.add_patch(Rectangle((left, top), x2 - x1, y2 - y1, **style))
        # the texts of overlapping boxes differ in place; all stay within the image
        if box.outcome == Outcome.TRUE_POSITIVE:
            y, align = top, "bottom" if y1 > 0.07 * picture.height else "top"
        elif box.outcome == Outcome.FALSE_POSITIVE:
            y, align = bottom, "top" if y2 < 0.93 * picture.height else "bottom"
        else:
            y, align = bottom, "bottom"
        axes.text(
            max(left, 0.0),
            y,
            f"no {box.name}" if missed else f"{box.name} {box.score:.0%}",
            va=align,
            fontsize=6.5,
            color="black",
            clip_on=True,
            bbox=dict(facecolor=colour, edgecolor="none", pad=0.6),
        )
    axes.set_xlim(-0.5, picture.width - 0.5)
    axes.set_ylim(picture.height - 0.5, -0.5)
    axes.axis("off")
