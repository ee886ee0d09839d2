"""Draw how many multiply-adds nets take."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mmresnet.evaluation.complexity import Complexity
from mmresnet.visualization.figure import new_figure, save

BLUE, ORANGE = "#2f6db5", "#d9730d"


def plot_complexity(nets: Sequence[Complexity], path: str | os.PathLike[str]) -> None:
    """Draw a bar for each net, the first at the top, to ``path``; VGG's have another colour.

    Raises:
        UserError: matplotlib is missing, or does not know the extension.
    """
    figure = new_figure(7.0, 0.9 + 0.3 * len(nets))
    axes = figure.subplots()
    adds = [net.multiply_adds / 1e9 for net in nets]
    names = [f"{net.name} ({net.parameters / 1e6:.1f} M parameters)" for net in nets]
    places = range(len(nets))
    colours = [ORANGE if net.name.startswith("VGG") else BLUE for net in nets]
    bars = axes.barh(places, adds, color=colours, height=0.7)
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlabel("multiply-adds of an image, 10⁹")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    save(figure, path)
