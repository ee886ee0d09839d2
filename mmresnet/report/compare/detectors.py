"""Sections on detectors that were tested on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmresnet.errors import UserError
from mmresnet.evaluation.comparison.pairwise import Pair, compare_detectors
from mmresnet.evaluation.comparison.resampled_ap import (
    ClassMatches,
    average_precisions,
    match_classes,
)
from mmresnet.evaluation.comparison.significance import Difference, bootstrap_difference, resamples
from mmresnet.evaluation.detection.detection_file import Detections
from mmresnet.report.compare.pairs import pair_html
from mmresnet.report.compare.runs import Runs
from mmresnet.report.html import Cell, table
from mmresnet.report.images import Images
from mmresnet.report.page import Section

_MOST_IMAGES = 200  # in the gallery, those with most objects that runs disagree about first
_FOUND, _MISSED, _ONLY = "#2a9d58", "#d1383d", ("#2f6db5", "#d9730d")


@dataclass(frozen=True)
class Detectors:
    """What was found.

    Attributes:
        matches: Of each run, of each class.
        by_class: (R, 1 + B, C), the AP of all images and of each resample; NaN without objects.
        pairs: All pairs of runs.
    """

    detections: Sequence[Detections]
    matches: list[list[ClassMatches]]
    by_class: np.ndarray
    pairs: list[Pair]

    @property
    def figures(self) -> dict[str, list[float]]:
        """The AP of each run, in percent."""
        return {"AP, %": (100 * mean_of_classes(self.by_class[:, :1])[:, 0]).tolist()}


def compare(detections: Sequence[Detections]) -> Detectors:
    """Compare detections that have the same images and true boxes, by COCO's AP.

    Raises:
        UserError: There are no true boxes.
    """
    first = detections[0]
    images = len(first.images)
    matches = [
        match_classes(first.images, first.categories, first.annotations, one.detections)
        for one in detections
    ]
    if not sum(one.counts.sum() for one in matches[0]):
        raise UserError("The images of these runs have no true boxes: there is no AP to compare.")
    drawn = np.concatenate([np.ones((1, images), np.int64), resamples(images)])
    by_class = np.stack([average_precisions(one, drawn) for one in matches])
    means = mean_of_classes(by_class)
    pairs = compare_detectors(means[:, 0].tolist(), means[:, 1:])
    return Detectors(detections, matches, by_class, pairs)


def mean_of_classes(precisions: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis without NaN; NaN where there is nothing else."""
    known = ~np.isnan(precisions)
    count = known.sum(axis=-1)
    total = np.where(known, precisions, 0.0).sum(axis=-1)
    means: np.ndarray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means


def sections(runs: Runs, found: Detectors, images: Images) -> list[Section]:
    """Return the table of pairs, the AP by class, and the images that tell the runs apart."""
    data = {"items": _items(runs, found, images)}
    legend = (
        "The score threshold of each run is that of its best F1, at IoU 0.5. True boxes: "
        f"{_mark(_FOUND, 'found by all')}, {_mark(_MISSED, 'by none')}, "
        + ", ".join(
            _mark(colour, f"only by run {number}") for number, colour in enumerate(_ONLY, 1)
        )
        + (" (or by several, but not all)." if len(runs.names) > 2 else ".")
    )
    return [
        Section("pairs", "Significance", pair_html(runs.names, found.pairs, "COCO's AP")),
        Section("classes", "AP by class, %", _class_table(runs.names, found)),
        Section(
            "disagreements",
            "Found in one run, missed in another",
            f'<p class="note">{legend}</p><div class="disagreements"></div>',
            data=data,
            script="compare.js",
        ),
    ]


def _mark(colour: str, text: str) -> str:
    return f'<b style="color:{colour}">{text}</b>'


def _class_table(names: Sequence[str], found: Detectors) -> str:
    rows: list[list[Cell]] = []
    for number, category in enumerate(found.detections[0].categories):
        own = 100 * found.by_class[:, :, number]
        row: list[Cell] = [category["name"], int(found.matches[0][number].counts.sum())]
        row += own[:, 0].tolist()
        if len(names) == 2:
            row += _interval(own) if row[1] else [None, None]
        rows.append(row)
    header = [
        "class",
        "boxes",
        *names,
        *(["difference", "95% interval"] if len(names) == 2 else []),
    ]
    return table(header, rows, numeric=range(1, len(header)))


def _interval(own: np.ndarray) -> list[Cell]:
    one: Difference = bootstrap_difference(own[1, 0] - own[0, 0], own[1, 1:] - own[0, 1:])
    return [float(one.value), f"{one.low:+.1f} to {one.high:+.1f}"]


def _items(runs: Runs, found: Detectors, images: Images) -> list[dict[str, object]]:
    """Return the images in which some run finds an object that another one misses."""
    first = found.detections[0]
    decided = [_decide(one, len(first.images)) for one in found.matches]
    places: dict[Any, list[int]] = {}
    for number, box in enumerate(first.annotations, start=1):
        if not (box.get("iscrowd") or box.get("ignore")):
            places.setdefault(box["image_id"], []).append(number)
    listed = []
    for row, image in enumerate(first.images):
        finders = {n: [n in objects for objects, _ in decided] for n in places.get(image["id"], [])}
        disputed = sum(any(one) and not all(one) for one in finders.values())
        if disputed:
            listed.append((disputed, row, image, finders))
    listed.sort(key=lambda one: -one[0])
    return [
        _item(runs.names, first, image, finders, [int(wrong[row]) for _, wrong in decided], images)
        for _, row, image, finders in listed[:_MOST_IMAGES]
    ]


def _decide(classes: Sequence[ClassMatches], images: int) -> tuple[set[int], np.ndarray]:
    """Return the objects that are found and the number of false positives in each image.

    At IoU 0.5 and the score threshold with the highest F1 of all classes together.
    """
    scores = np.concatenate([one.scores for one in classes])
    objects = np.concatenate([one.objects[0] for one in classes])
    counted = ~np.concatenate([one.ignored[0] for one in classes])
    rows = np.concatenate([one.images for one in classes])
    order = np.argsort(-scores, kind="stable")
    order = order[counted[order]]
    true = np.cumsum(objects[order] > 0)
    total = sum(int(one.counts.sum()) for one in classes)
    f1 = 2 * true / (np.arange(1, len(order) + 1) + total)
    kept = order[: int(f1.argmax()) + 1] if len(order) else order
    wrong = np.bincount(rows[kept[objects[kept] == 0]], minlength=images)
    return set(objects[kept][objects[kept] > 0].tolist()), wrong


def _item(
    names: Sequence[str],
    first: Detections,
    image: dict[str, Any],
    finders: dict[int, list[bool]],
    wrong: Sequence[int],
    images: Images,
) -> dict[str, object]:
    boxes = []
    for number, by in finders.items():
        x, y, width, height = first.annotations[number - 1]["bbox"]
        boxes.append(((x, y, x + width, y + height), _colour(by)))
    hits = [sum(one[i] for one in finders.values()) for i in range(len(names))]
    mistakes = [len(finders) - hit + false for hit, false in zip(hits, wrong, strict=True)]
    best = [name for name, m in zip(names, mistakes, strict=True) if m == min(mistakes)]
    lines = [
        f"{name}: {hit} of {len(finders)} found, {false} false positives"
        for name, hit, false in zip(names, hits, wrong, strict=True)
    ]
    return {
        "picture": images.add(image["path"], boxes, side=320),
        "title": Path(image["file_name"]).name,
        "lines": lines,
        "tags": {"Fewest mistakes": ", ".join(best)},
    }


def _colour(by: Sequence[bool]) -> str:
    if all(by) or not any(by):
        return _FOUND if all(by) else _MISSED
    return _ONLY[min(by.index(True), 1)]
