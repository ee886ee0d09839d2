"""Sections on classifiers that were tested on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmresnet.datasets.class_scores import ClassScores
from mmresnet.errors import UserError
from mmresnet.evaluation.comparison.pairwise import Pair, compare_classifiers
from mmresnet.evaluation.ensembles import ranks_of
from mmresnet.report.compare.pairs import pair_html
from mmresnet.report.compare.runs import Runs
from mmresnet.report.html import Cell, table
from mmresnet.report.images import Images
from mmresnet.report.page import Section

_MOST_IMAGES = 1500  # in the gallery, the surest mistakes first


@dataclass(frozen=True)
class Classifiers:
    """What was found.

    Attributes:
        right: (R, N) bool, whether each run is right about each image.
        pairs: All pairs of runs.
    """

    scores: Sequence[ClassScores]
    labels: np.ndarray
    right: np.ndarray
    pairs: list[Pair]

    @property
    def figures(self) -> dict[str, list[float]]:
        """The top-1 accuracy of each run, in percent."""
        return {"top-1, %": (100 * self.right.mean(axis=1)).tolist()}


def compare(scores: Sequence[ClassScores]) -> Classifiers:
    """Compare class scores that have the images in the same order.

    Raises:
        UserError: The images have no labels, or several.
    """
    labels = scores[0].labels
    if labels is None:
        raise UserError(
            "The predictions have no labels, or several for an image: a comparison needs one class "
            "for each image."
        )
    right = np.stack([ranks_of(one.scores, labels) == 0 for one in scores])
    return Classifiers(scores, labels, right, compare_classifiers(right))


def sections(runs: Runs, found: Classifiers, images: Images) -> list[Section]:
    """Return the table of pairs, the accuracies by class, and the images that tell runs apart."""
    items = _items(runs, found, images)
    count = int((found.right.any(axis=0) & ~found.right.all(axis=0)).sum())
    shown = f", of which {len(items):,} are shown" if len(items) < count else ""
    some = f"<p>{count:,} images are classified correctly by some of the runs only{shown}.</p>"
    return [
        Section("pairs", "Significance", pair_html(runs.names, found.pairs, "top-1 accuracy")),
        Section("classes", "Accuracy by class, %", _class_table(runs.names, found)),
        Section(
            "disagreements",
            "Right in one run, wrong in another",
            f'{some}<div class="disagreements"></div>',
            data={"items": items},
            script="compare.js",
        ),
    ]


def _class_table(names: Sequence[str], found: Classifiers) -> str:
    rows: list[list[Cell]] = []
    for number, name in enumerate(found.scores[0].classes):
        own = found.right[:, found.labels == number]
        if own.shape[1]:
            accuracy = (100 * own.mean(axis=1)).tolist()
            gain = [accuracy[1] - accuracy[0]] if len(names) == 2 else []
            rows.append([name, own.shape[1], *accuracy, *gain])
    header = ["class", "images", *names, *(["difference"] if len(names) == 2 else [])]
    return table(header, rows)


def _items(runs: Runs, found: Classifiers, images: Images) -> list[dict[str, object]]:
    """Return the images that some run gets right and another wrong, the surest mistakes first."""
    first, split = found.scores[0], str(runs.split)
    classes, paths = first.classes, first.paths
    best = np.stack([one.scores.argmax(axis=1) for one in found.scores])
    sure = np.stack([one.scores.max(axis=1) for one in found.scores])
    differ = np.flatnonzero(found.right.any(axis=0) & ~found.right.all(axis=0))
    mistakes = np.where(found.right, -1.0, sure)[:, differ].max(axis=0)
    items: list[dict[str, object]] = []
    for row in differ[np.argsort(-mistakes, kind="stable")][:_MOST_IMAGES].tolist():
        source = paths[row] if paths else runs.runs[0].image(split, row)  # the rows are its
        right = [name for name, one in zip(runs.names, found.right[:, row], strict=True) if one]
        lines = [
            f"{name}: {classes[kind]} {score:.2f}"
            for name, kind, score in zip(runs.names, best[:, row], sure[:, row], strict=True)
        ]
        picture = None if source is None else images.add(source)
        items.append(
            {
                "picture": picture,
                "title": classes[found.labels[row]],
                "lines": [*lines, first.images[row]],
                "tags": {"Right": ", ".join(right), "Class": classes[found.labels[row]]},
            }
        )
    return items
