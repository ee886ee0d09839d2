"""Sections: whether scores can be taken for probabilities, and which to accept."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np

from mmresnet.errors import UserError
from mmresnet.evaluation.diagnosis.calibration import BINS, Reliability, reliability
from mmresnet.evaluation.diagnosis.temperature import cross_fitted, fit, losses
from mmresnet.evaluation.diagnosis.thresholds import precision_curve, threshold_for
from mmresnet.report.classification.classified import SCRIPT, Classified
from mmresnet.report.html import Cell, code, figure, note, table
from mmresnet.report.page import Section
from mmresnet.weights.temperature import check_target

_WANTED = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995)
_MOST_POINTS = 1000
Row = list[Cell]


def calibration(found: Classified) -> Section:
    """Return the reliability diagram, before and after temperature scaling."""
    compared = {"as the net gives them": found.scores}
    try:
        temperature = fit(found.scores, found.labels)
        compared["with a temperature"] = cross_fitted(found.scores, found.labels)
    except UserError as error:
        text = note(f"There is no temperature to scale the scores with: {error}")
    else:
        text = _advice(found, temperature)
    diagrams = {name: reliability(scores, found.labels) for name, scores in compared.items()}
    rows: list[Row] = [
        [
            name,
            round(100 * diagrams[name].ece, 2),
            round(100 * float(scores.max(axis=1).mean()), 2),
            round(100 * float(1 - found.wrong.mean()), 2),
            round(float(losses(scores, found.labels).mean()), 4),
        ]
        for name, scores in compared.items()
    ]
    header = ["scores", "ECE %", "mean score %", "accuracy %", "cross-entropy"]
    plots = "".join(
        f"<div><h3>{title}</h3>{figure(content, height=300)}</div>"
        for title, content in (
            ("Accuracy by score", _diagram(diagrams)),
            ("Predictions by score", _histogram(diagrams)),
        )
    )
    html = f'{table(header, rows)}{text}<div class="plots">{plots}</div>'
    return Section("calibration", "Calibration", html)


def _advice(found: Classified, temperature: float) -> str:
    kind = "overconfident" if temperature > 1 else "underconfident"
    measured = (
        f"A temperature of {temperature:.3f} fits these scores best: the net is {kind}. It changes "
        "no prediction. The second row shows each fifth of the images with the temperature of the "
        f"others. ECE is the mean distance of score and accuracy in {BINS} bins."
    )
    if found.temperature is not None:
        stored = (
            f"The weights have the temperature {found.temperature:.3f} stored, which infer uses."
        )
        return note(measured) + note(stored)
    command = ["mmresnet", "calibrate", str(found.run.config_file or "CONFIG")]
    command.append(str(found.weights or "CHECKPOINT"))
    try:
        check_target(command[-1], None)
    except UserError:  # it cannot be replaced
        command += ["--out", "calibrated.pth"]
    return note(measured + " To store it with the weights:") + code(shlex.join(command))


def _diagram(diagrams: dict[str, Reliability]) -> dict[str, Any]:
    ideal = {
        "type": "scatter",
        "name": "ideal",
        "x": [0, 1],
        "y": [0, 1],
        "mode": "lines",
        "line": {"dash": "dot", "width": 1, "color": "#8a93a2"},
        "hoverinfo": "skip",
    }
    measured = [
        {
            "type": "scatter",
            "name": name,
            "mode": "lines+markers",
            # their areas are the shares of the predictions
            "marker": {"size": 4 + 14 * np.sqrt(one.counts / one.counts.sum())[one.counts > 0]},
            "line": {"width": 1},
            "x": one.confidence[one.counts > 0],
            "y": one.accuracy[one.counts > 0],
            "text": [f"{count:,} predictions" for count in one.counts[one.counts > 0]],
            "hovertemplate": "score %{x:.3f}<br>accuracy %{y:.3f}<br>%{text}<extra></extra>",
        }
        for name, one in diagrams.items()
    ]
    axes = {"range": [0, 1], "tickformat": ".0%"}
    layout = {
        "xaxis": {"title": {"text": "score"}, **axes},
        "yaxis": {"title": {"text": "accuracy"}, **axes},
    }
    return {"data": [*measured, ideal], "layout": layout}


def _histogram(diagrams: dict[str, Reliability]) -> dict[str, Any]:
    centres = (np.arange(BINS) + 0.5) / BINS
    bars = [
        {"type": "bar", "name": name, "x": centres, "y": one.counts}
        for name, one in diagrams.items()
    ]
    layout = {
        "xaxis": {"title": {"text": "score"}, "range": [0, 1], "tickformat": ".0%"},
        "yaxis": {"title": {"text": "predictions"}},
        "barmode": "group",
    }
    return {"data": bars, "layout": layout}


def thresholds(found: Classified) -> Section:
    """Return the score to ask for, for a wanted precision, of all classes and of each."""
    scores, right = found.reported.max(axis=1), ~found.wrong
    tables = {f"{wanted:.1%}": _threshold_rows(found, scores, wanted) for wanted in _WANTED}
    curve = precision_curve(scores, right)
    points = np.unique(np.linspace(0, len(curve.scores) - 1, _MOST_POINTS).round().astype(int))
    plot = {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "x": curve.accepted[points] / len(scores),
                "y": curve.precision[points],
                "text": [f"{score:.4f}" for score in curve.scores[points]],
                "hovertemplate": "score ≥ %{text}<br>%{x:.1%} accepted<br>"
                "%{y:.2%} of these right<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": "accepted predictions"}, "tickformat": ".0%"},
            "yaxis": {"title": {"text": "precision"}, "tickformat": ".0%"},
        },
    }
    scale = "" if found.temperature is None else ", calibrated with the stored temperature"
    text = (
        "The lowest score from which on the wanted share of the accepted predictions is right; "
        f"others are left to a person. Scores are those that infer gives{scale}. The figures are "
        f"of the {len(scores):,} images of the {found.set}: with few accepted ones leave a margin."
    )
    html = f'{note(text)}<div class="thresholds"></div>{figure(plot, height=300)}'
    data = {"tables": tables, "first": f"{0.95:.1%}"}
    return Section("thresholds", "Thresholds", html, data, SCRIPT)


def _threshold_rows(found: Classified, scores: np.ndarray, wanted: float) -> list[Row]:
    """Return name, threshold, precision, share of the images recognized, accepted, of."""
    images = np.bincount(found.labels, minlength=len(found.classes)).tolist()
    groups = [("all classes", np.arange(len(scores)), len(scores))]
    groups += [
        (name, np.flatnonzero(found.predicted == i), images[i])
        for i, name in enumerate(found.classes)
    ]
    rows: list[Row] = []
    for name, predicted, of in groups:
        one = threshold_for(scores[predicted], ~found.wrong[predicted], wanted)
        if one is None:
            rows.append([name, None, None, None, 0, len(predicted)])
            continue
        recall = one.right / of if of else None
        rows.append([name, one.score, one.precision, recall, one.accepted, len(predicted)])
    return rows
