"""The section with the curves of a training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mmresnet.report.html import figure, note
from mmresnet.report.images import Images
from mmresnet.report.page import Section
from mmresnet.report.run import Run
from mmresnet.visualization.curves import Curves

_MOST_POINTS = 4000  # of a curve; longer ones are thinned out
_MOST_METRICS = 12
_SMOOTHED = 60  # points from which on a running mean is drawn as well

Values = Mapping[int, float]


def sections(run: Run, images: Images) -> list[Section]:
    """Return the curves, if the folder is a training's."""
    curves = run.curves
    if curves is None:
        return []
    plots = [
        _plot("Loss", {"training": curves.loss, "validation": curves.val_loss}, smooth=True),
        *_metrics(curves),
        _plot("Learning rate", {"learning rate": curves.rate}),
        _plot("Gradient norm", {"gradient norm": curves.grad_norm}, smooth=True),
        _plot("Images per second", {"images/s": _speed(run, curves)}, smooth=True),
    ]
    shown = "".join(
        f"<div><h3>{title}</h3>{figure(content, height=280)}</div>"
        for title, content in plots
        if content
    )
    hint = note(
        "Over the training iterations. Drag to zoom, and double-click to see all again; on a touch "
        "screen, use the buttons above a plot."
    )
    return [Section("curves", "Curves", f'{hint}<div class="plots">{shown}</div>')]


def _metrics(curves: Curves) -> list[tuple[str, dict[str, Any]]]:
    """Return a plot for each family of metrics: percentages are not drawn with fractions."""
    families: dict[str, dict[str, Values]] = {}
    for name, values in list(curves.metrics.items())[:_MOST_METRICS]:
        highest = max(map(abs, values.values()))
        family = "Validation metrics" if highest <= 1 else "Validation metrics, in percent"
        families.setdefault(family, {})[name] = values
    if curves.accuracy:
        families.setdefault("Validation metrics, in percent", {})["training accuracy"] = (
            curves.accuracy
        )
    if len(families) == 1:
        families = {"Validation metrics": next(iter(families.values()))}
    return [_plot(title, group) for title, group in families.items()]


def _speed(run: Run, curves: Curves) -> Values:
    """Return images per second: as logged, else from the time of an iteration in one process."""
    if curves.speed or run.config is None:
        return curves.speed
    batch = (run.config.get("train_dataloader") or {}).get("batch_size")
    processes = run.environment.get("GPU number", "1")
    if not isinstance(batch, int) or not processes.isdigit():
        return {}
    images = batch * int(processes)
    return {step: images / time for step, time in curves.time.items() if time > 0}


def _plot(
    title: str, group: Mapping[str, Values], smooth: bool = False
) -> tuple[str, dict[str, Any]]:
    """Return a title and a plot of several curves; an empty one if they have no values."""
    drawn = {name: values for name, values in group.items() if values}
    if not drawn:
        return title, {}
    traces: list[dict[str, Any]] = []
    for name, values in drawn.items():
        traces += _traces(name, values, smooth)
    everything = [value for values in drawn.values() for value in values.values()]
    scale = "log" if title == "Loss" and min(everything) > 0 else "linear"
    layout = {
        "xaxis": {"title": {"text": "iteration"}},
        "yaxis": {"type": scale, "rangemode": "tozero" if title == "Learning rate" else "normal"},
        "showlegend": len(traces) > 1,
        "hovermode": "x unified",
    }
    return title, {"data": traces, "layout": layout}


def _traces(name: str, values: Values, smooth: bool) -> list[dict[str, Any]]:
    steps, numbers = list(values), list(values.values())
    keep = max(1, math.ceil(len(steps) / _MOST_POINTS))
    mode = "lines+markers" if len(steps) <= _SMOOTHED else "lines"
    line = {"type": "scatter", "name": name, "x": steps[::keep], "y": numbers[::keep], "mode": mode}
    if not smooth or len(steps) <= _SMOOTHED:
        return [{**line, "line": {"width": 2}, "marker": {"size": 4}}]
    mean = _running_mean(numbers, max(2, len(numbers) // 25))[::keep]
    faint = {**line, "opacity": 0.35, "line": {"width": 1}}
    return [faint, {**line, "name": f"{name}, running mean", "y": mean, "line": {"width": 2}}]


def _running_mean(values: list[float], window: int) -> list[float]:
    """Return the mean of the last ``window`` values, from each on."""
    means, total = [], 0.0
    for i, value in enumerate(values):
        total += value - (values[i - window] if i >= window else 0.0)
        means.append(total / min(i + 1, window))
    return means
