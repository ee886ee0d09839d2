"""The sections with a detector's mistakes: the worst images, kinds of errors, the confusion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmresnet.evaluation.detection_errors.boxes import rank_in_group
from mmresnet.evaluation.detection_errors.kinds import KINDS, Kind
from mmresnet.report.detection.pictures import Pair, Pictures
from mmresnet.report.html import details, figure, note, pairs, table
from mmresnet.report.page import Section

SCRIPT = "detection.js"
_WORST = 36  # images
_OF_KIND = 48  # examples of a kind of error
_OF_CELL, _OF_RIGHT = 24, 6  # examples of a cell of the confusion matrix, of one on the diagonal
_OF_MATRIX = 1500  # of all cells together
_LEGEND = (
    "Annotated boxes are dashed, green if they were found (at the advised score) and yellow if "
    "not; detections are solid, green if they are right and red if they are wrong."
)
_MEANINGS = {
    Kind.CLASSIFICATION: "right place, wrong class (IoU of 0.5 or more with an object of another)",
    Kind.LOCALIZATION: "right class, inaccurate box (IoU of 0.1 to 0.5)",
    Kind.BOTH: "wrong class and inaccurate box",
    Kind.DUPLICATE: "an object that was found already, with a higher score",
    Kind.BACKGROUND: "nothing there (IoU below 0.1 with every object)",
    Kind.MISSED: "an object that no detection comes near",
}


def worst_images(pictures: Pictures) -> Section:
    """Return the images with most mistakes at the advised threshold."""
    found, confusion = pictures.found, pictures.found.confusion
    wrong = np.flatnonzero(confusion.wrong)
    image = pictures.image_of(confusion.object[wrong], confusion.detection[wrong])
    mistakes = np.bincount(image, minlength=found.boxes.images)
    score = np.append(found.boxes.detections.score, 0.0)[confusion.detection[wrong]]
    sure = np.bincount(image, weights=score, minlength=found.boxes.images)
    order = np.lexsort((-sure, -mistakes))[:_WORST]
    items = []
    for index in order[mistakes[order] > 0].tolist():
        thumbnail, large = pictures.image(index)
        lines = list(_mistakes(pictures, wrong[image == index]))
        items.append(
            {"picture": thumbnail, "large": large, "title": pictures.name(index), "lines": lines}
        )
    hint = (
        f"The images with most mistakes among detections with a score of at least "
        f"{found.threshold:.2f}. {_LEGEND}"
    )
    html = note(hint) + '<div class="pictures scenes"></div>'
    return Section("worst-images", "Worst images", html, {"items": items}, SCRIPT)


def _mistakes(pictures: Pictures, entries: np.ndarray) -> Iterator[str]:
    """Yield lines such as "3 missed: cat, dog × 2"."""
    classes, confusion = pictures.found.boxes.classes, pictures.found.confusion
    groups: dict[str, Counter[str]] = {kind: Counter() for kind in ("missed", "false", "mixed up")}
    for true, predicted in zip(confusion.true[entries], confusion.predicted[entries], strict=True):
        if true == len(classes):
            groups["false"][classes[predicted]] += 1
        elif predicted == len(classes):
            groups["missed"][classes[true]] += 1
        else:
            groups["mixed up"][f"{classes[true]} → {classes[predicted]}"] += 1
    for kind, counts in groups.items():
        if counts:
            each = [f"{name} × {n}" if n > 1 else name for name, n in counts.most_common(6)]
            more = ", …" if len(counts) > 6 else ""
            yield f"{sum(counts.values())} {kind}: {', '.join(each)}{more}"


def error_kinds(pictures: Pictures) -> Section:
    """Return what the kinds of errors of TIDE cost, with examples."""
    errors, costs = pictures.found.errors, pictures.found.costs
    kinds = sorted(KINDS, key=lambda kind: -costs[kind])
    lost = {kind: round(100 * cost, 2) for kind, cost in costs.items()}
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [lost[kind] for kind in reversed(kinds)],
        "y": [kind.value for kind in reversed(kinds)],
        "texttemplate": "%{x:.1f}",
        "hoverinfo": "skip",
        "cliponaxis": False,
    }
    axis = {
        "title": {"text": "points of AP at IoU 0.50"},
        "rangemode": "tozero",
        "fixedrange": True,
    }
    layout = {"xaxis": axis, "yaxis": {"fixedrange": True}, "bargap": 0.35}
    hint = (
        "How many points of AP (in percent, at an IoU of 0.5) each kind of error costs, as TIDE "
        "(Bolya et al. 2020) defines them: what the AP would rise by if this kind alone was put "
        "right. All detections count, whatever their scores. The examples of false detections are "
        f"those with the highest scores, of missed objects the largest. {_LEGEND}"
    )
    rows = [[kind.value, lost[kind], errors.count(kind)] for kind in kinds]
    html = (
        note(hint)
        + figure({"data": [bars], "layout": layout}, height=260)
        + table(["kind", "AP lost", "errors"], rows)
        + details("What the kinds mean", pairs({kind.value: _MEANINGS[kind] for kind in KINDS}))
        + '<h3>Examples</h3><div class="pictures"></div>'
    )
    items = [item for kind in kinds for item in _examples(pictures, kind)]
    return Section("detection-errors", "Kinds of errors", html, {"items": items}, SCRIPT)


def _examples(pictures: Pictures, kind: Kind) -> list[dict[str, Any]]:
    boxes, errors = pictures.found.boxes, pictures.found.errors
    if kind is Kind.MISSED:
        missed = np.flatnonzero(errors.missed)
        areas = boxes.objects.box[missed, 2:].prod(axis=1)
        shown = missed[np.argsort(-areas, kind="stable")][:_OF_KIND].tolist()
        behind = [(which, -1) for which in shown]
    else:
        shown = np.flatnonzero(errors.kind == KINDS.index(kind))[:_OF_KIND].tolist()
        behind = [(int(errors.target[which]), which) for which in shown]
    items = _items(pictures, behind)
    for item, pair in zip(items, behind, strict=True):
        item["tags"] = {"Kind": kind.value, "Class": boxes.classes[_label(pictures, pair)]}
        if pair[1] >= 0:
            item["lines"].append(f"{kind.value}, IoU {errors.iou[pair[1]]:.2f}")
    return items


def _label(pictures: Pictures, pair: Pair) -> int:
    """Return the class of a detection, or of a missed object."""
    boxes, (which, detection) = pictures.found.boxes, pair
    return int(boxes.objects.label[which] if detection < 0 else boxes.detections.label[detection])


def _items(pictures: Pictures, behind: list[Pair]) -> list[dict[str, Any]]:
    """Return the items of a gallery with the crops of pairs of boxes."""
    columns = np.array(behind, dtype=int).reshape(-1, 2).T
    return [
        {"picture": picture, "title": _title(pictures, pair), "lines": [pictures.name(image)]}
        for picture, pair, image in zip(
            pictures.crops(behind), behind, pictures.image_of(*columns).tolist(), strict=True
        )
    ]


def _title(pictures: Pictures, pair: Pair) -> str:
    """Return such as "cat, found as dog 87%"."""
    boxes, (which, detection) = pictures.found.boxes, pair
    true = "" if which < 0 else boxes.classes[boxes.objects.label[which]]
    if detection < 0:
        return f"{true}, missed"
    name = boxes.classes[boxes.detections.label[detection]]
    scored = f"{name} {boxes.detections.score[detection]:.0%}"
    return f"{true}, found as {scored}" if true not in ("", name) else scored


def confusion(pictures: Pictures) -> Section:
    """Return the confusion matrix, whose cells show the boxes behind them."""
    found = pictures.found
    chosen = _chosen(pictures)
    columns = (found.confusion.object[chosen], found.confusion.detection[chosen])
    behind = list(zip(*(column.tolist() for column in columns), strict=True))
    cells: dict[str, list[dict[str, Any]]] = {}
    for entry, item in zip(chosen.tolist(), _items(pictures, behind), strict=True):
        cell = f"{found.confusion.true[entry]},{found.confusion.predicted[entry]}"
        cells.setdefault(cell, []).append(item)
    hint = (
        f"Detections with a score of at least {found.threshold:.2f} and an IoU of 0.5 or more with "
        "the object. Rows are true classes, columns those found; the last ones are background: "
        "what was found where nothing is, and what was missed. Colours give the share of a row. "
        f"A click on a cell shows its boxes. {_LEGEND}"
    )
    html = (
        note(hint)
        + '<div class="plot confusion"></div><div class="filters choice"></div>'
        + '<div class="pictures"></div>'
    )
    data = {"classes": found.boxes.classes, "counts": found.confusion.counts, "cells": cells}
    return Section("detection-confusion", "Confusion", html, data, SCRIPT)


def _chosen(pictures: Pictures) -> np.ndarray:
    """Return the entries of the confusion that are shown, some of each cell.

    Of false detections those with the highest scores come first, of right ones those with the
    lowest, and of missed objects the largest.
    """
    boxes, confusion = pictures.found.boxes, pictures.found.confusion
    score = np.append(boxes.detections.score, 0.0)[confusion.detection]
    area = np.append(boxes.objects.box[:, 2:].prod(axis=1), 0.0)[confusion.object]
    sure = np.where(confusion.detection < 0, area, np.where(confusion.wrong, score, -score))
    order = np.argsort(-sure, kind="stable")
    cell = confusion.true * (confusion.classes + 1) + confusion.predicted
    rank = rank_in_group(cell[order])
    few = rank < np.where(confusion.wrong[order], _OF_CELL, _OF_RIGHT)
    order, rank = order[few], rank[few]
    # large cells have more of them, but none has many while others have none
    turn = (rank + 1) / np.sqrt(np.bincount(cell)[cell[order]])
    return np.asarray(order[np.sort(np.argsort(turn, kind="stable")[:_OF_MATRIX])])
