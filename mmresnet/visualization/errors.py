"""Draw the classification errors of several runs in one picture, as He et al. 2015 do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mmresnet.errors import UserError
from mmresnet.visualization.curves import read_curves
from mmresnet.visualization.figure import new_figure, save

COLOURS = ("#d9730d", "#2f6db5", "#1a7f4b", "#7b3fa0", "#6b7280", "#c62828")
_TOP1 = "accuracy/top1"


def plot_errors(
    panels: Sequence[Sequence[str | os.PathLike[str]]],
    path: str | os.PathLike[str],
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw top-1 errors in percent by iteration (He et al. 2015, Fig. 1, 4 and 6) to ``path``.

    Thin dashed lines are training errors, on augmented images as they were logged, and bold lines
    are those of the validation set.

    Args:
        panels: The work directories of the runs in each panel; the panels stand side by side.
        path: The picture.
        limits: Lowest and highest error that is shown, in percent. None: all.

    Raises:
        UserError: A run has no training log, no training accuracy or no validation in it, a panel
            has more runs than there are colours, or the picture cannot be drawn.
    """
    figure = new_figure(5.2 * len(panels) + 0.6, 4.2)
    grid = figure.subplots(1, len(panels), sharey=limits is not None, squeeze=False)[0]
    for axes, runs in zip(grid, panels, strict=True):
        if len(runs) > len(COLOURS):
            raise UserError(f"A panel has {len(runs)} runs: give at most {len(COLOURS)}.")
        for colour, run in zip(COLOURS, runs, strict=False):
            train, test = read_errors(run)
            axes.plot(list(train), list(train.values()), color=colour, lw=0.9, ls="--")
            axes.plot(list(test), list(test.values()), color=colour, lw=2.4, label=_name(run))
        axes.set_xlabel("iterations")
        axes.set_ylabel("top-1 error, %")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="best")
        if limits:
            axes.set_ylim(*limits)
    figure.suptitle("dashed: training; bold: validation", x=0.01, ha="left", fontsize=10)
    save(figure, path)


def read_errors(run: str | os.PathLike[str]) -> tuple[dict[int, float], dict[int, float]]:
    """Return the training and the validation errors of a run, in percent by iteration.

    Raises:
        UserError: It has no training log, or that lacks one of the two.
    """
    curves = read_curves(run)
    if not curves.accuracy:
        raise UserError(
            f"The log of '{run}' has no training accuracy: train with --cfg-options "
            "model.head.cal_acc=True."
        )
    if not curves.metrics.get(_TOP1):
        raise UserError(f"The log of '{run}' has no validation with {_TOP1}.")
    return (
        {step: 100 - value for step, value in curves.accuracy.items()},
        {step: 100 - value for step, value in curves.metrics[_TOP1].items()},
    )


def _name(run: str | os.PathLike[str]) -> str:
    return Path(run).resolve().name
