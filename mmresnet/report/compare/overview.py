"""Sections on the runs themselves: what each reached, their curves, their settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mmresnet.config.differences import changes
from mmresnet.report.compare.runs import Runs
from mmresnet.report.html import Cell, escape, figure, note, table
from mmresnet.report.page import Section
from mmresnet.report.run import Run
from mmresnet.visualization.curves import Curves

_PLACES = re.compile(
    r"^(work_dir|launcher|resume|log_level|experiment_name|visualizer|vis_backends)\b"
)
_MOST_POINTS = 2000  # of a curve; longer ones are thinned out
_MOST_METRICS = 6
_SMOOTHED = 60  # points from which on a running mean is drawn


def overview(runs: Runs, figures: Mapping[str, Sequence[float]]) -> Section:
    """Return the table of the runs.

    Args:
        figures: What was measured on the images that they have in common, by name.
    """
    rows: list[list[Cell]] = []
    for i, (name, run) in enumerate(zip(runs.names, runs.runs, strict=True)):
        measured = [values[i] for values in figures.values()]
        rows.append([name, *measured, *_trained(run), run.recipe])
    header = ["run", *figures, "iterations", "best in training", "time", "recipe"]
    return Section("runs", "Runs", table(header, rows, numeric=range(1, len(figures) + 2)))


def _trained(run: Run) -> list[Cell]:
    curves = run.curves
    if curves is None:
        return [None, None, None]
    best = None
    if curves.metrics:
        name, values = next(iter(curves.metrics.items()))
        best = f"{name} {max(values.values()):.4g}"
    durations = [log.duration for log in run.main_logs if log.duration]
    time = str(sum(durations[1:], durations[0])) if durations else None
    return [max(curves.loss), best, time]


def curves(runs: Runs) -> list[Section]:
    """Return the curves of all trainings, each quantity of them in one plot."""
    known = {
        name: run.curves for name, run in zip(runs.names, runs.runs, strict=True) if run.curves
    }
    if not known:
        return []
    metrics = list(dict.fromkeys(name for one in known.values() for name in one.metrics))
    quantities: dict[str, Callable[[Curves], Mapping[int, float]]] = {
        "Training loss": lambda one: one.loss,
        "Validation loss": lambda one: one.val_loss,
        **{name: _metric(name) for name in metrics[:_MOST_METRICS]},
        "Training accuracy": lambda one: one.accuracy,
        "Learning rate": lambda one: one.rate,
        "Gradient norm": lambda one: one.grad_norm,
        "Images per second": lambda one: one.speed,
    }
    plots = []
    for title, values in quantities.items():
        traces = [_trace(name, values(one)) for name, one in known.items() if values(one)]
        if traces:
            plots.append(f"<div><h3>{escape(title)}</h3>{figure(_plot(title, traces), 280)}</div>")
    hint = note(
        "Over the training iterations. Drag to zoom, double-click to see all again; a click on a "
        "name in the legend hides its run."
    )
    return [Section("curves", "Curves", f'{hint}<div class="plots">{"".join(plots)}</div>')]


def _metric(name: str) -> Callable[[Curves], Mapping[int, float]]:
    return lambda one: one.metrics.get(name, {})


def _trace(name: str, values: Mapping[int, float]) -> dict[str, Any]:
    steps, numbers = np.array(list(values)), np.array(list(values.values()), float)
    if len(numbers) > _SMOOTHED:
        window = len(numbers) // 25
        numbers = np.convolve(numbers, np.full(window, 1 / window), "valid")
        steps = steps[window - 1 :]
    keep = -(-len(steps) // _MOST_POINTS)
    mode = "lines+markers" if len(steps) <= _SMOOTHED else "lines"
    points = {"x": steps[::keep].tolist(), "y": numbers[::keep].tolist()}
    # plotly reads HTML in names
    return {"type": "scatter", "name": escape(name), "mode": mode, "line": {"width": 2}, **points}


def _plot(title: str, traces: list[dict[str, Any]]) -> dict[str, Any]:
    positive = all(value > 0 for trace in traces for value in trace["y"])
    scale = "log" if title.endswith("loss") and positive else "linear"
    layout = {
        "xaxis": {"title": {"text": "iteration"}},
        "yaxis": {"type": scale},
        "hovermode": "x unified",
        "showlegend": True,
    }
    return {"data": traces, "layout": layout}


def settings(runs: Runs) -> list[Section]:
    """Return the table of the settings that not all runs share, if their configs are known."""
    rows = differing_settings(runs)
    if rows is None:
        return []
    html = table(["setting", *runs.names], rows) if rows else note("All settings are the same.")
    return [Section("settings", "Settings that differ", html)]


def differing_settings(runs: Runs) -> list[list[str]] | None:
    """Return rows of a setting's dotted path and its value in each run; None without configs."""
    configs = [None if run.config is None else run.config.to_dict() for run in runs.runs]
    first = configs[0]
    if first is None:
        return None
    found = [
        {} if one is None else {path: (old, new) for path, old, new in changes(first, one)}
        for one in configs
    ]
    common = {path: old for one in found for path, (old, _) in one.items()}
    return [
        [path, *(one[path][1] if path in one else old for one in found)]
        for path, old in common.items()
        if not _PLACES.match(path)
    ]
