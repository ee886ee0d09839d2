"""The picture of multiply-adds."""

import pytest

from mmresnet.evaluation.complexity import Complexity
from mmresnet.visualization.complexity import plot_complexity

pytest.importorskip("matplotlib")


def test_a_bar_for_each_net_from_the_top_and_vgg_in_another_colour(monkeypatch):
    figures = []
    monkeypatch.setattr(
        "mmresnet.visualization.complexity.save", lambda figure, path: figures.append(figure)
    )
    nets = [
        Complexity("ResNet-152", 224, 60_190_000, 11_330_000_000),
        Complexity("VGG-19", 224, 143_670_000, 19_630_000_000),
    ]
    plot_complexity(nets, "a.png")
    (axes,) = figures[0].axes
    bars = axes.patches
    assert [bar.get_width() for bar in bars] == [11.33, 19.63]
    assert axes.yaxis_inverted()
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["ResNet-152 (60.2 M parameters)", "VGG-19 (143.7 M parameters)"]
    assert bars[0].get_facecolor() != bars[1].get_facecolor()
