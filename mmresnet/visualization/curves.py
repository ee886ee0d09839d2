"""Draw the training curves of a run from its logs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserError
from mmresnet.visualization.figure import new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NOT_METRICS = ("data_time", "time", "step", "epoch", "iter", "memory", "eta")
_VAL_LOSS = "val/loss"  # logged by mmresnet.ValLoop, with its terms as val/loss_…
_OF_TRAINING = {  # attributes of Curves: their names in the log
    "loss": "loss",
    "rate": "lr",
    "accuracy": "accuracy_top-1",  # of a head with cal_acc=True
    "grad_norm": "grad_norm",
    "time": "time",
    "speed": "images_per_second",
    "epoch": "epoch",
}
BLUE, ORANGE, GREY = "#2f6db5", "#d9730d", "#6b7280"


@dataclass
class Curves:
    """What a run logged: values by training step."""

    loss: dict[int, float] = field(default_factory=dict)
    val_loss: dict[int, float] = field(default_factory=dict)
    rate: dict[int, float] = field(default_factory=dict)
    grad_norm: dict[int, float] = field(default_factory=dict)
    time: dict[int, float] = field(default_factory=dict)  # of an iteration, in seconds
    speed: dict[int, float] = field(default_factory=dict)  # images per second, of all processes
    epoch: dict[int, int] = field(default_factory=dict)
    accuracy: dict[int, float] = field(default_factory=dict)  # top-1 in training, in percent
    metrics: dict[str, dict[int, float]] = field(default_factory=dict)


def read_curves(work_dir: str | os.PathLike[str]) -> Curves:
    """Read the logs of all starts of the run in ``work_dir``, the oldest first.

    Where a resumed run logged a step twice, the later value counts. Validation metrics belong to
    the last training step that was logged before them.

    Raises:
        UserError: ``work_dir`` holds no training log.
    """
    curves = Curves()
    for log in sorted(Path(work_dir).glob("*/vis_data/scalars.json")):
        step = None
        for line in log.read_text().splitlines():
            try:
                numbers = json.loads(line)
            except json.JSONDecodeError:
                continue  # a line that a killed run did not complete
            if "loss" in numbers:
                if step is None:
                    _drop_from(curves, numbers["step"])
                step = numbers["step"]
                for key, name in _OF_TRAINING.items():
                    if name in numbers:
                        getattr(curves, key)[step] = numbers[name]
            elif step is not None:
                for name, value in numbers.items():
                    if name == _VAL_LOSS:
                        curves.val_loss[step] = value
                    elif _is_metric(name, value):
                        curves.metrics.setdefault(name, {})[step] = value
    if not curves.loss:
        raise UserError(
            f"'{work_dir}' holds no training log (<start time>/vis_data/scalars.json): give the "
            "--work-dir of the training."
        )
    return curves


def _is_metric(name: str, value: object) -> bool:
    is_number = isinstance(value, (int, float))
    # COCO's metrics are -1 where there are no objects
    return is_number and value != -1 and name not in _NOT_METRICS and not name.startswith(_VAL_LOSS)


def _drop_from(curves: Curves, step: int) -> None:
    """Drop what an earlier start logged from ``step`` on: the run was resumed before it."""
    series: list[dict[int, Any]] = [getattr(curves, key) for key in _OF_TRAINING]
    for values in (*series, curves.val_loss, *curves.metrics.values()):
        for late in [known for known in values if known >= step]:
            del values[late]


def plot_curves(work_dir: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Draw loss, validation metrics and learning rate of the run in ``work_dir`` to ``path``.

    Raises:
        UserError: ``work_dir`` holds no training log, or matplotlib is missing.
    """
    curves = read_curves(work_dir)
    figure = new_figure(12.0, 3.8)
    loss, metrics, rate = figure.subplots(1, 3)
    _draw_loss(loss, curves.loss, curves.val_loss)
    _draw_metrics(metrics, curves.metrics)
    rate.plot(list(curves.rate), list(curves.rate.values()), color=GREY, linewidth=2)
    rate.set_ylim(bottom=0)
    for axes, title in (
        (loss, "Loss" if curves.val_loss else "Training loss"),
        (metrics, "Validation metrics"),
        (rate, "Learning rate"),
    ):
        axes.set_title(title, loc="left", fontweight="bold")
        axes.set_xlabel("training step")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(Path(work_dir).resolve().name, x=0.01, ha="left", color=GREY, fontsize=10)
    save(figure, path)


def _draw_loss(axes: Axes, loss: dict[int, float], val_loss: dict[int, float]) -> None:
    """Draw the logged loss faintly and its moving average boldly, on a logarithmic axis."""
    steps, values = list(loss), list(loss.values())
    window = max(1, len(values) // 20)
    if window > 1:
        smooth = [fmean(values[max(0, i + 1 - window) : i + 1]) for i in range(len(values))]
        axes.plot(steps, values, color=BLUE, alpha=0.3, linewidth=1, label="training")
        axes.plot(steps, smooth, color=BLUE, linewidth=2, label=f"mean of {window}")
    else:
        marker = "o" if len(values) == 1 else None
        axes.plot(steps, values, color=BLUE, linewidth=2, marker=marker, label="training")
    if val_loss:
        _plot_metric(axes, val_loss, ORANGE, "validation")
    if window > 1 or val_loss:
        axes.legend(frameon=False)
    if min([*values, *val_loss.values()]) > 0:
        axes.set_yscale("log")


def _draw_metrics(axes: Axes, metrics: dict[str, dict[int, float]]) -> None:
    """Draw the first metrics, and the best value of the first, which selects the checkpoint."""
    if not metrics:
        axes.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axes.transAxes)
        return
    # a detector logs a dozen metrics; the first three are those over all object sizes
    for colour, (name, values) in zip((ORANGE, BLUE, GREY), metrics.items(), strict=False):
        _plot_metric(axes, values, colour, name)
    values = next(iter(metrics.values()))
    best = max(values, key=values.__getitem__)
    axes.scatter([best], [values[best]], s=110, facecolors="none", edgecolors=ORANGE, zorder=3)
    axes.annotate(
        f"best {values[best]:.2f}",
        (best, values[best]),
        xytext=(0, -22),
        textcoords="offset points",
        ha="right" if best > max(values) / 2 else "left",
    )
    axes.legend(frameon=False, loc="best")


def _plot_metric(axes: Axes, values: dict[int, float], colour: str, label: str) -> None:
    style: dict[str, Any] = dict(color=colour, linewidth=2, marker="o", markersize=3.5)
    axes.plot(list(values), list(values.values()), label=label, **style)
