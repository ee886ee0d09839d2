"""A picture of a run's curves, from the numbers that it logged."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NOT_METRICS = ("data_time", "time", "step", "epoch", "iter", "memory", "eta")
_VAL_LOSS = "val/loss"  # of mmresnet.ValLoop, beside its parts
BLUE, ORANGE, GREY = "#2f6db5", "#d9730d", "#6b7280"


@dataclass
class Curves:
    """What a run logged: numbers against the training step at which they were taken."""

    loss: dict[int, float] = field(default_factory=dict)
    val_loss: dict[int, float] = field(default_factory=dict)
    rate: dict[int, float] = field(default_factory=dict)
    metrics: dict[str, dict[int, float]] = field(default_factory=dict)


def read_curves(work_dir: str | os.PathLike) -> Curves:
    """Read the logs of every start of the run in ``work_dir``, the oldest first.

    A resumed run logged some steps twice; the later number counts. A measurement on the
    validation set is placed at the last training step that was logged before it.

    Raises:
        UserError: ``work_dir`` holds no log of a training.
    """
    logs = sorted(Path(work_dir).glob("*/vis_data/scalars.json"))
    curves = Curves()
    for log in logs:
        step = None
        for line in log.read_text().splitlines():
            try:
                numbers = json.loads(line)
            except json.JSONDecodeError:
                continue  # the line at which a killed run stopped writing
            if "loss" in numbers:
                if step is None:
                    _forget_from(curves, numbers["step"])
                step = numbers["step"]
                curves.loss[step] = numbers["loss"]
                if "lr" in numbers:
                    curves.rate[step] = numbers["lr"]
            elif step is not None:
                for name, value in numbers.items():
                    if name == _VAL_LOSS:
                        curves.val_loss[step] = value
                    elif _is_metric(name, value):
                        curves.metrics.setdefault(name, {})[step] = value
    if not curves.loss:
        raise UserError(
            f"'{work_dir}' holds no log of a training (<start time>/vis_data/scalars.json): "
            "give the folder that tools/train.py wrote to, its --work-dir."
        )
    return curves


def _is_metric(name: str, value: object) -> bool:
    """Return whether it is one that says something: COCO's are -1 where there are no objects."""
    is_number = isinstance(value, (int, float)) and value != -1
    return is_number and name not in _NOT_METRICS and not name.startswith(_VAL_LOSS)


def _forget_from(curves: Curves, step: int) -> None:
    """Drop what an earlier start logged from ``step`` on: the run was taken up before it."""
    for numbers in (curves.loss, curves.val_loss, curves.rate, *curves.metrics.values()):
        for late in [known for known in numbers if known >= step]:
            del numbers[late]


def plot_curves(work_dir: str | os.PathLike, path: str | os.PathLike) -> None:
    """Draw loss, validation metrics and learning rate of the run in ``work_dir`` to ``path``.

    Raises:
        UserError: ``work_dir`` holds no log of a training.
    """
    curves = read_curves(work_dir)
    from mmresnet.visualization.figure import new_figure, save

    figure = new_figure(12.0, 3.8)
    loss, metrics, rate = figure.subplots(1, 3)
    _draw_loss(loss, curves.loss, curves.val_loss)
    _draw_metrics(metrics, curves.metrics)
    rate.plot(list(curves.rate), list(curves.rate.values()), color=GREY, linewidth=2)
    rate.set_ylim(bottom=0)
    for axes, title in (
        (loss, "Loss" if curves.val_loss else "Training loss"),
        (metrics, "On the validation set"),
        (rate, "Learning rate"),
    ):
        axes.set_title(title, loc="left", fontweight="bold")
        axes.set_xlabel("training step")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(Path(work_dir).resolve().name, x=0.01, ha="left", color=GREY, fontsize=10)
    save(figure, path)


def _draw_loss(axes: Axes, loss: dict[int, float], val_loss: dict[int, float]) -> None:
    """Draw the loss faintly and its running average boldly, on a logarithmic axis."""
    steps, values = list(loss), list(loss.values())
    window = max(1, len(values) // 20)
    smooth = [
        sum(values[max(0, i + 1 - window) : i + 1]) / len(values[max(0, i + 1 - window) : i + 1])
        for i in range(len(values))
    ]
    marker = "o" if len(values) == 1 else None
    if window > 1:
        axes.plot(steps, values, color=BLUE, alpha=0.3, linewidth=1, label="logged")
        axes.plot(steps, smooth, color=BLUE, linewidth=2, label=f"mean of {window}")
    else:
        axes.plot(steps, values, color=BLUE, linewidth=2, marker=marker, label="in training")
    if val_loss:
        steps, held_out = list(val_loss), list(val_loss.values())
        values += held_out
        axes.plot(
            steps, held_out, color=ORANGE, linewidth=2, marker="o", markersize=3.5, label="held out"
        )
    if window > 1 or val_loss:
        axes.legend(frameon=False)
    if min(values) > 0:
        axes.set_yscale("log")


def _draw_metrics(axes: Axes, metrics: dict[str, dict[int, float]]) -> None:
    """Draw the first metrics, and name the best value of the first, the one checkpoints go by."""
    if not metrics:
        axes.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axes.transAxes)
        return
    # no more than these: a detector logs a dozen, of which the first are over all objects
    colours = (ORANGE, BLUE, GREY)
    for colour, (name, values) in zip(colours, metrics.items(), strict=False):
        axes.plot(
            list(values),
            list(values.values()),
            color=colour,
            linewidth=2,
            marker="o",
            markersize=3.5,
            label=name,
        )
    values = next(iter(metrics.values()))
    best = max(values, key=values.get)
    axes.scatter([best], [values[best]], s=110, facecolors="none", edgecolors=ORANGE, zorder=3)
    axes.annotate(
        f"best {values[best]:.2f}",
        (best, values[best]),
        xytext=(0, -22),
        textcoords="offset points",
        ha="right" if best > max(values) / 2 else "left",
    )
    axes.legend(frameon=False, loc="best")
