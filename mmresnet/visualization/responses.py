"""Draw the standard deviations of layer responses, as Fig. 7 of He et al. 2015."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from mmresnet.visualization.figure import new_figure, save


def plot_responses(nets: Mapping[str, Sequence[float]], path: str | os.PathLike[str]) -> None:
    """Draw each net's deviations in the order of its layers, and below ranked from the highest.

    Args:
        nets: By the net's name, the standard deviation of each of its layers in order of depth.
        path: The picture.

    Raises:
        UserError: matplotlib is missing, or does not know the extension.
    """
    figure = new_figure(8.0, 6.0)
    for axes, ranked, label in zip(
        figure.subplots(2, 1, sharey=True),
        (False, True),
        ("layer, in the order of the net", "layer, ranked by its deviation"),
        strict=True,
    ):
        for name, deviations in nets.items():
            values = sorted(deviations, reverse=True) if ranked else deviations
            style = "--" if "plain" in name.lower() else "-"  # as the paper draws them
            places = range(1, len(values) + 1)
            axes.plot(places, values, style, lw=1.6, marker=".", markersize=4, label=name)
        axes.set_xlabel(label)
        axes.set_ylabel("standard deviation")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    save(figure, path)
