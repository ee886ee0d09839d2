"""Draw images of a test set with a classifier's predictions."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmresnet.visualization.figure import new_figure, save

if TYPE_CHECKING:
    import numpy as np

GREEN, RED = "#1a7f4b", "#c62828"


@dataclass
class Prediction:
    """An image of the test set, (H, W, 3) uint8 in RGB, with its true and its predicted class."""

    image: np.ndarray
    true: int
    predicted: int
    confidence: float  # the probability of ``predicted``

    @property
    def correct(self) -> bool:
        return self.predicted == self.true


@dataclass
class Predictions:
    """The images to draw, and how many images of the whole test set are classified correctly."""

    shown: list[Prediction]
    correct: int
    total: int
    classes: list[str]


def plot_predictions(predictions: Predictions, path: str | os.PathLike[str]) -> None:
    """Draw the images with their labels to ``path``; misclassified ones are framed in red."""
    count = len(predictions.shown)
    columns = min(count, 10)
    rows = math.ceil(count / columns)
    figure = new_figure(1.35 * columns, 1.62 * rows + 0.7)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, one in zip(grid, predictions.shown, strict=False):
        axes.imshow(one.image, interpolation="nearest")
        colour = GREEN if one.correct else RED
        text = f"{_shorten(predictions.classes[one.predicted])} ({one.confidence:.0%})"
        if not one.correct:
            text = f"pred: {text}\ntrue: {_shorten(predictions.classes[one.true])}"
        axes.set_title(text, color=colour, fontsize=8, pad=4)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_color(colour)
            spine.set_linewidth(1 if one.correct else 3)
    for axes in grid[count:]:
        axes.set_visible(False)
    figure.suptitle(_title(predictions), x=0.01, ha="left", fontsize=11)
    save(figure, path)


def _title(predictions: Predictions) -> str:
    correct, total = predictions.correct, predictions.total
    title = f"{correct:,} of {total:,} images correct ({correct / total:.2%})"
    if correct == total:
        return title
    shown = sum(not one.correct for one in predictions.shown)
    note = "misclassified first" if shown == total - correct else "only misclassified shown"
    return f"{title}; {note}"


def _shorten(name: str) -> str:
    return name if len(name) <= 11 else name[:10] + "…"
