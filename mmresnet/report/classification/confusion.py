"""Sections: the confusion matrix, and precision, recall and F1 of every class."""

from __future__ import annotations

from collections import Counter

import numpy as np

from mmresnet.evaluation.diagnosis.confusion import class_quality, confusion, most_confused
from mmresnet.report.classification.classified import SCRIPT, Classified
from mmresnet.report.html import note, table
from mmresnet.report.page import Section

_MOST_LISTED, _MOST_PICTURES = 20_000, 3000  # pictures of about 9 MB
_OF_CORRECT = 8  # in a cell
_PAIRS = 12


def matrix(found: Classified) -> Section:
    """Return the matrix, whose cells open their images."""
    counts = confusion(found.labels, found.predicted, len(found.classes))
    true, other = np.nonzero(counts)
    listed = _listed(found)
    data = {
        "classes": found.classes,
        "cells": np.stack([true, other, counts[true, other]], axis=1),
        "pairs": most_confused(counts, _PAIRS),
        "images": [
            [
                found.picture(found.file(i)) if number < _MOST_PICTURES else None,
                found.labels[i],
                found.predicted[i],
                round(float(found.scores[i, found.predicted[i]]), 4),
                found.names[i],
            ]
            for number, i in enumerate(listed)
        ],
    }
    errors = int(found.wrong.sum())
    text = (
        f"{errors:,} of {len(found.labels):,} images of the {found.set} are wrong{found.moment}. "
        "A row is a true "
        "class, a column what it is taken for; the darker, the larger the share of the row. "
        "Choose a cell to see its images."
    )
    html = note(text) + '<div class="confusion"></div>'
    return Section("confusion", "Confusion matrix", html, data, SCRIPT)


def _listed(found: Classified) -> list[int]:
    """Return the images in the order of their pictures: in turn one of each cell.

    Of errors the most confident come first; of correct predictions a few of the least confident.
    """
    best = found.scores.max(axis=1)
    order = np.argsort(np.where(found.wrong, -best, best), kind="stable")
    turns: Counter[tuple[int, int]] = Counter()
    ranked = []
    for i in order.tolist():
        cell = int(found.labels[i]), int(found.predicted[i])
        turns[cell] += 1
        if found.wrong[i] or turns[cell] <= _OF_CORRECT:
            ranked.append((turns[cell], i))
    return [i for _, i in sorted(ranked, key=lambda one: one[0])[:_MOST_LISTED]]


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
    header = [
        "class",
        "images",
        "recall %",
        "precision %",
        "F1 %",
        "missed as",
        "false positives from",
    ]
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
