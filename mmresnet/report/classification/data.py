"""Sections on the data: labels that look wrong, and images that the training has seen."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from PIL import Image

from mmresnet.errors import MissingPackageError, UserError
from mmresnet.evaluation.diagnosis import near_duplicates as duplicates
from mmresnet.evaluation.diagnosis.label_issues import find_label_issues
from mmresnet.report.classification.classified import SCRIPT, Classified, small
from mmresnet.report.classification.training_set import TrainingSet, read_training_set
from mmresnet.report.html import Cell, note, table
from mmresnet.report.images import open_picture
from mmresnet.report.page import Section

MOST_COMPARED = 100_000
"""Images of both sets together. 60,000 of CIFAR-10 take 12 seconds of one core; 1.28 million
photographs and 50,000 to compare would take about 40 minutes, most of it for decoding."""

_MOST = 96
_PAIR_SIDE = 96


def doubtful_labels(found: Classified) -> Section:
    """Return the images whose label the net contradicts most."""
    title = "Doubtful labels"
    try:
        issues = find_label_issues(found.scores, found.labels)
    except MissingPackageError as error:
        return Section("labels", title, note(error))
    items = [
        found.item(i, f"its label {small(found.scores[i, found.labels[i]])}")
        for i in issues[:_MOST].tolist()
    ]
    text = (
        f"Confident learning (cleanlab) doubts {len(issues):,} of the {len(found.labels):,} labels "
        f"of the {found.set}, {len(issues) / len(found.labels):.1%}; a weaker net doubts more. "
        f"Look at these first{_first(len(items), len(issues))}: a title is the label and what the "
        "net sees. The net must not have been trained on these images."
    )
    html = note(text) + '<div class="items"></div>'
    return Section("labels", title, html, {"items": items}, SCRIPT)


def _first(shown: int, total: int) -> str:
    return f" ({shown:,} of {total:,})" if shown < total else ""


def near_duplicates(found: Classified) -> Section:
    """Return the evaluated images of which the training set has a near duplicate."""
    title = "Near duplicates"
    try:
        training = read_training_set(found.run)
    except (UserError, ImportError, OSError) as error:
        return Section("duplicates", title, note(f"Not looked for: {error}"))
    count, total = len(found.labels), len(found.labels) + len(training.pictures)
    if total > MOST_COMPARED:
        text = (
            f"Not looked for: {total:,} images are more than the {MOST_COMPARED:,} that are "
            "compared by themselves. mmresnet.evaluation.diagnosis.near_duplicates compares any "
            "number; for ImageNet that takes about 40 minutes of one core."
        )
        return Section("duplicates", title, note(text))
    pictures = [found.file(i) for i in range(count)]
    if any(one is None for one in pictures):
        return Section("duplicates", title, note("Not looked for: the images have no files."))
    threads = min(4, os.cpu_count() or 1)
    described = duplicates.describe([one for one in pictures if one is not None], threads)
    others = duplicates.describe(training.pictures, threads)
    similar = duplicates.find(described, others)
    pairs = [one for one in similar if one.distinct]
    if len(similar) > 2 * len(pairs):
        text = (
            f"Not told apart: {len(similar):,} of {count:,} images of the {found.set} resemble a "
            "training image, but most of them resemble many. The images of this set are alike by "
            "nature, as handwritten digits are."
        )
        return Section("duplicates", title, note(text))
    items = [_item(found, training, pair) for pair in pairs[:_MOST]]
    html = note(_explanation(found, training, pairs)) + _accuracies(found, pairs)
    html += '<div class="items wide"></div>'
    return Section("duplicates", title, html, {"items": items}, SCRIPT)


def _explanation(
    found: Classified, training: TrainingSet, pairs: list[duplicates.Duplicate]
) -> str:
    others = _contradictions(found, training, pairs)
    return (
        f"{len(pairs):,} of {len(found.labels):,} images of the {found.set} are nearly the same as "
        f"one of the {len(training.pictures):,} training images, also mirrored or in other colours "
        f"(left: {found.set}, right: training){_first(min(_MOST, len(pairs)), len(pairs))}. "
        f"{others:,} of them have another label there. Shifted or cropped copies are not found."
    )


def _contradictions(
    found: Classified, training: TrainingSet, pairs: list[duplicates.Duplicate]
) -> int:
    if training.labels is None:
        return 0
    return sum(int(training.labels[one.other] != found.labels[one.index]) for one in pairs)


def _accuracies(found: Classified, pairs: list[duplicates.Duplicate]) -> str:
    """Return the accuracy with and without them."""
    if not pairs:
        return ""
    seen = np.zeros(len(found.labels), bool)
    seen[[one.index for one in pairs]] = True
    groups = {"all images": seen | True, "near duplicates": seen, "all others": ~seen}
    rows: list[list[Cell]] = [
        [name, int(group.sum()), round(100 * float(1 - found.wrong[group].mean()), 2)]
        for name, group in groups.items()
        if group.any()
    ]
    return table(["images", "number", "accuracy %"], rows)


def _item(found: Classified, training: TrainingSet, pair: duplicates.Duplicate) -> dict[str, Any]:
    true = found.classes[found.labels[pair.index]]
    kind = "mirrored" if pair.mirrored else "upright"
    item = {"tags": {"kind": kind}, "title": true}
    other = training.name(pair.other, found.classes)
    if other not in (None, true):
        item["title"] = f"{true} / {other}"
        item["tags"]["kind"] = "other label"
    lines = [f"similarity {pair.similarity:.2f}" + ", mirrored" * pair.mirrored]
    item["lines"] = [*lines, found.names[pair.index], training.file_name(pair.other)]
    sides = found.file(pair.index), training.pictures[pair.other]
    item["picture"] = found.picture(_side_by_side(sides), side=2 * _PAIR_SIDE)
    return item


def _side_by_side(pictures: tuple[Any, Any]) -> np.ndarray | None:
    """Return two images in squares beside each other, (side, 2 * side, 3) uint8."""
    page = Image.new("RGB", (2 * _PAIR_SIDE, _PAIR_SIDE))
    for column, picture in enumerate(pictures):
        opened = open_picture(picture)
        if opened is None:
            return None
        scale = _PAIR_SIDE / max(opened.size)
        size = [max(1, round(scale * length)) for length in opened.size]
        page.paste(opened.resize((size[0], size[1])), (column * _PAIR_SIDE, 0))
    return np.asarray(page)
