"""The sections about a detector: how good it is for each class, and where it fails."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmresnet.evaluation.detection.class_table import SUMMARY
from mmresnet.evaluation.detection.detection_file import Detections
from mmresnet.evaluation.detection_errors.curves import RECALLS, SCORES
from mmresnet.evaluation.detection_errors.diagnosis import Diagnosis, diagnose
from mmresnet.report.detection.examples import confusion, error_kinds, worst_images
from mmresnet.report.detection.pictures import Pictures
from mmresnet.report.html import code, note, number, table
from mmresnet.report.images import Images
from mmresnet.report.page import Section
from mmresnet.report.run import SPLITS, Run

SCRIPT = "detection.js"


def sections(run: Run, images: Images) -> list[Section]:
    """Return the sections about the newest detections: those of the test, else the validation."""
    for split in SPLITS:
        listed = run.detection(split)
        if listed is not None:
            return _sections(run, split, listed, images)
    return []


def _sections(run: Run, split: str, listed: Detections, images: Images) -> list[Section]:
    found = diagnose(listed)
    if not found.boxes.positives.sum():
        text = f"The images of the {split} set have no annotated boxes to compare with."
        return [Section("detection", "Detection", note(text))]
    pictures = Pictures(listed, found, images)
    return [
        _overview(split, listed, found),
        worst_images(pictures),
        error_kinds(pictures),
        confusion(pictures),
        _precision_recall(found),
        _thresholds(run, found),
    ]


def _overview(split: str, listed: Detections, found: Diagnosis) -> Section:
    boxes = found.boxes
    figures = {
        "AP, mean over IoU 0.50 to 0.95": found.sizes[-1, 0],
        "AP at IoU 0.50": found.sizes[-1, 1],
        "AP at IoU 0.75": found.sizes[-1, 2],
        "images": boxes.images,
        "objects": int(boxes.positives.sum()),
        "detections": len(boxes.detections),
    }
    header = ["class", "objects", *(item.removeprefix("m").replace("_", " ") for item in SUMMARY)]
    rows = [
        [name, count, *sizes]
        for name, count, sizes in zip(
            _names(found), _counts(found), found.sizes.round(3).tolist(), strict=True
        )
    ]
    by_voc = listed.rule == "voc"
    hint = (
        f"Average precision (AP) on the {split} set, as COCO defines it. AP 50 and AP 75 ask for "
        "an IoU of 0.5 and 0.75. s: objects below 32² pixels, m: up to 96², l: larger."
    ) + (" Difficult objects count neither way; VOC's own figure is above." if by_voc else "")
    html = _figures(figures) + note(hint) + table(header, rows[-1:] + rows[:-1])
    return Section("detection", "Detection", html)


def _figures(values: Mapping[str, float]) -> str:
    shown = "".join(
        f"<div><b>{number(v)}</b><span>{name}</span></div>" for name, v in values.items()
    )
    return f'<div class="figures">{shown}</div>'


def _precision_recall(found: Diagnosis) -> Section:
    plots = {
        f"IoU {iou:.2f}": _curves(np.vstack([values, _mean(values)]))
        for iou, values in found.precision.items()
    }
    hint = (
        "How many of the detections are right (precision), while more and more objects are found "
        "(recall). The area under a curve is the AP. Choose a class to highlight it."
    )
    data = {"x": RECALLS.round(2), "xtitle": "recall", "ytitle": "precision", "plots": plots}
    return _with_curves("precision-recall", "Precision and recall", note(hint), data, found)


def _thresholds(run: Run, found: Diagnosis) -> Section:
    scores, best = found.scores, found.scores.best
    plots = {"F1": _curves(scores.f1), "Precision": _curves(scores.precision)}
    plots["Recall"] = _curves(scores.recall)
    rows = []
    for row, (name, count) in enumerate(zip(_names(found), _counts(found), strict=True)):
        curves = (scores.precision, scores.recall, scores.f1)
        at = [SCORES[best[row]], *(values[row, best[row]] for values in curves)]
        cells = [round(float(value), 3) for value in at] if best[row] >= 0 else [None] * 4
        rows.append([name, count, *cells])
    header = ["class", "objects", "least score", "precision", "recall", "F1"]
    below = "<h3>By class</h3>" + table(header, rows[-1:] + rows[:-1], numeric=range(1, 6))
    data = {"x": SCORES.round(2), "xtitle": "least score", "ytitle": "", "plots": plots}
    advice = _advice(run, found)
    return _with_curves("score-threshold", "Score threshold", advice, data, found, below)


def _advice(run: Run, found: Diagnosis) -> str:
    best = found.scores.best[-1]
    if best < 0:
        return note("No detection is right, so there is no threshold to advise.")
    precision, recall, f1 = (
        float(values[-1, best])
        for values in (found.scores.precision, found.scores.recall, found.scores.f1)
    )
    text = (
        f"Keep detections with a score of at least {SCORES[best]:.2f}: precision {precision:.3f}, "
        f"recall {recall:.3f}, and the highest F1, {f1:.3f}, of all boxes together at an IoU of "
        "0.5. A class may need another threshold, below. The figures are of the images that the "
        "thresholds were chosen on."
    )
    paths = [str(path) for path in (run.config_file or "CONFIG", run.checkpoint or "CHECKPOINT")]
    command = shlex.join(["mmresnet", "infer", *paths, "IMAGES", "--out", "output"])
    return note(text) + code(f"{command} --score-thr {SCORES[best]:.2f}")


def _with_curves(
    name: str, title: str, above: str, data: dict[str, Any], found: Diagnosis, below: str = ""
) -> Section:
    plots = "".join(
        f"<div><h3>{plot}</h3>"
        f'<div class="plot" data-plot="{plot}" style="height:300px"></div></div>'
        for plot in data["plots"]
    )
    data |= {"classes": found.boxes.classes, "objects": found.boxes.positives}
    html = f'{above}<div class="filters choice"></div><div class="plots small">{plots}</div>{below}'
    return Section(name, title, html, data, SCRIPT)


def _curves(rows: np.ndarray) -> list[list[float | None]]:
    """Return curves as numbers with three digits: they are most of the page's data."""
    rounded: list[list[float | None]] = rows.round(3).tolist()
    return rounded


def _mean(values: np.ndarray) -> np.ndarray:
    return np.asarray(values[~np.isnan(values[:, 0])].mean(axis=0))


def _names(found: Diagnosis) -> Sequence[str]:
    return [*found.boxes.classes, "all classes"]


def _counts(found: Diagnosis) -> list[int]:
    positives: list[int] = found.boxes.positives.tolist()
    return [*positives, sum(positives)]
