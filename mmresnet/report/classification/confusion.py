"""Sections: the confusion matrix, and precision, recall and F1 of every class."""

from __future__ import annotations

import numpy as np

from mmresnet.evaluation.diagnosis.confusion import class_quality, confusion, most_confused
from mmresnet.report.classification.classified import SCRIPT, Classified
from mmresnet.report.html import note, table
from mmresnet.report.page import Section

_MOST_PICTURES = 2000  # about 6 MB
_IN_A_CELL, _OF_CORRECT = 40, 8
_PAIRS = 12


def matrix(found: Classified) -> Section:
    """Return the matrix, whose cells open their images."""
    counts = confusion(found.labels, found.predicted, len(found.classes))
    true, other = np.nonzero(counts)
    shown = _shown(found)
    data = {
        "classes": found.classes,
        "cells": np.stack([true, other, counts[true, other]], axis=1),
        "pairs": most_confused(counts, _PAIRS),
        "images": [
            [
                found.picture(found.file(i)),
                found.labels[i],
                found.predicted[i],
                round(float(found.scores[i, found.predicted[i]]), 4),
                found.names[i],
            ]
            for i in shown
        ],
    }
    errors = int(found.wrong.sum())
    text = (
        f"{errors:,} of {len(found.labels):,} images of the {found.set} are wrong. A row is a true "
        "class, a column what it is taken for; the darker, the larger the share of the row. "
        "Choose a cell to see its images."
    )
    html = note(text) + '<div class="confusion"></div>'
    return Section("confusion", "Confusion matrix", html, data, SCRIPT)


def _shown(found: Classified) -> list[int]:
    """Return the images with pictures: in turn one of each cell, so that every cell has some.

    Of errors the most confident come first, of correct predictions the least.
    """
    best = found.scores.max(axis=1)
    order = np.argsort(np.where(found.wrong, -best, best), kind="stable")
    turns: dict[tuple[int, int], int] = {}
    ranked = []
    for i in order.tolist():
        cell = int(found.labels[i]), int(found.predicted[i])
        turn = turns[cell] = turns.get(cell, 0) + 1
        if turn <= (_IN_A_CELL if found.wrong[i] else _OF_CORRECT):
            ranked.append((turn, i))
    return [i for _, i in sorted(ranked, key=lambda one: one[0])[:_MOST_PICTURES]]


def classes(found: Classified) -> Section:
    """Return a table of the classes."""
    count = len(found.classes)
    quality = class_quality(found.labels, found.predicted, count)
    counts = confusion(found.labels, found.predicted, count)
    np.fill_diagonal(counts, 0)
    percent = [_percent(one) for one in (quality.recall, quality.precision, quality.f1)]
    rows = [
        [
            found.classes[i],
            int(quality.images[i]),
            *(column[i] for column in percent),
            _most_often(found.classes, counts[i]),
            _most_often(found.classes, counts[:, i]),
        ]
        for i in range(count)
    ]
    header = ["class", "images", "recall %", "precision %", "F1 %", "taken for", "mistaken from"]
    means = ", ".join(
        f"{name} {np.nanmean(values):.1%}"
        for name, values in (
            ("recall", quality.recall),
            ("precision", quality.precision),
            ("F1", quality.f1),
        )
    )
    text = (
        f"Accuracy {1 - found.wrong.mean():.2%}; means over the classes: {means}. Recall is the "
        "share of a class that is recognized, precision the share of its predictions that is right."
    )
    return Section("classes", "Classes", note(text) + table(header, rows, numeric=range(1, 5)))


def _percent(values: np.ndarray) -> list[float]:
    return [round(100 * float(value), 1) for value in values]


def _most_often(names: list[str], counts: np.ndarray) -> str | None:
    top = int(counts.argmax())
    return f"{names[top]} ({counts[top]:,})" if counts[top] else None
