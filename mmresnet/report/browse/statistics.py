"""The sections of statistics: how many of each class, how large images and boxes are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from mmresnet.datasets.statistics import Statistics, count
from mmresnet.report.browse.data import Opened
from mmresnet.report.html import Cell, figure, note, pairs, table
from mmresnet.report.page import Section

# COCO's: a box is small below 32×32 pixels and large from 96×96 on
_SMALL, _LARGE = 32, 96
_MOST_SIZES = 2_000  # points of a plot


def sections(opened: Opened) -> list[Section]:
    """Return the statistics of a set."""
    found = count([source.dataset for source in opened.sources], len(opened.classes))
    made = [_class_section(found, opened.classes), _size_section(found)]
    if found.boxes is not None and len(found.boxes):
        made.append(_box_section(found, opened.classes))
    return [one for one in made if one is not None]


def _class_section(found: Statistics, classes: list[str]) -> Section | None:
    """Return how often each class is there; nothing for a set without labels."""
    counts = found.in_class
    if not counts.sum():
        return None
    kind = "images" if found.boxes is None else "boxes"
    names = [*classes, *map(str, range(len(classes), len(counts)))]
    order = np.argsort(-counts, kind="stable")
    present = counts[counts > 0]
    facts = {
        "Most": f"{names[order[0]]}, {counts[order[0]]:,} {kind}",
        "Fewest": f"{names[order[-1]]}, {counts[order[-1]]:,} {kind}",
        "Most / fewest": f"{present.max() / present.min():.3g}",
        "Accuracy of always the most frequent": f"{counts.max() / counts.sum():.1%}",
    }
    if kind == "boxes":
        del facts["Accuracy of always the most frequent"]
    bars = {
        "data": [{"type": "bar", "x": [names[i] for i in order], "y": counts[order].tolist()}],
        "layout": {"yaxis": {"title": {"text": kind}}, "xaxis": {"type": "category"}},
    }
    rows: list[list[Cell]] = [
        [names[i], int(counts[i]), float(100 * counts[i] / counts.sum())]
        + ([int(found.images_in_class[i])] if kind == "boxes" else [])
        for i in order
    ]
    header = ["class", kind, "percent"] + (["images with it"] if kind == "boxes" else [])
    html = _of(found) + pairs(facts) + figure(bars) + table(header, rows)
    return Section("classes", "Classes", html)


def _of(found: Statistics) -> str:
    if found.read == found.images:
        return ""
    return note(f"Counted in {found.read:,} of {found.images:,} images, evenly spaced.")


def _size_section(found: Statistics) -> Section | None:
    if not len(found.sizes):
        return None
    width, height = found.sizes.T
    text = ""
    if len(width) < found.images:
        text = note(f"In {len(width):,} of {found.images:,} images, evenly spaced.")
    facts = {
        "Width": _range(width),
        "Height": _range(height),
        "Landscape, square, portrait": ", ".join(
            f"{share.mean():.0%}" for share in (width > height, width == height, width < height)
        ),
    }
    if len(np.unique(found.sizes, axis=0)) == 1:
        return Section("sizes", "Sizes", text + pairs({"All": f"{width[0]}×{height[0]}"}))
    html = text + pairs(facts) + _side_by_side(_sizes(found.sizes), _ratios(width / height))
    return Section("sizes", "Sizes", html)


def _range(values: np.ndarray) -> str:
    return f"{values.min():,} to {values.max():,}, median {np.median(values):,.0f}"


def _sizes(sizes: np.ndarray) -> dict[str, Any]:
    """Return a plot with a point for each size, the larger the more images have it."""
    common = Counter(map(tuple, sizes.tolist())).most_common(_MOST_SIZES)
    numbers = np.array([number for _, number in common])
    points = {
        "type": "scatter",
        "mode": "markers",
        "x": [width for (width, _), _ in common],
        "y": [height for (_, height), _ in common],
        "text": [f"{w}×{h}: {n:,}" for (w, h), n in common],
        "hoverinfo": "text",
        "marker": {"size": (5 + 25 * np.sqrt(numbers / numbers.max())).tolist(), "opacity": 0.5},
    }
    return {"data": [points], "layout": _titles("width", "height")}


def _ratios(ratios: np.ndarray, of: str = "width / height") -> dict[str, Any]:
    """Return a histogram of aspect ratios, over octaves: 2 is as far from 1 as 1/2."""
    return _histogram(ratios, of, bins_per_octave=4)


def _histogram(values: np.ndarray, title: str, bins_per_octave: int) -> dict[str, Any]:
    """Return a histogram with a logarithmic axis."""
    steps = np.floor(np.log2(values) * bins_per_octave + 0.5).astype(int)
    numbers = Counter(steps.tolist())
    low, high = min(numbers), max(numbers)
    middle = [2 ** (step / bins_per_octave) for step in range(low, high + 1)]
    bars = {
        "type": "bar",
        "x": [f"{value:.3g}" for value in middle],
        "y": [numbers[step] for step in range(low, high + 1)],
    }
    layout = _titles(title, "")
    layout["xaxis"]["type"] = "category"
    return {"data": [bars], "layout": {**layout, "bargap": 0.05}}


def _box_section(found: Statistics, classes: list[str]) -> Section:
    """Return how large boxes are, how many an image has, and both by class."""
    assert found.boxes is not None
    boxes = found.boxes[(found.boxes > 0).all(1)]
    labels = found.box_labels[(found.boxes > 0).all(1)]
    sides, numbers = np.sqrt(boxes.prod(1)), found.boxes_in_image
    small, large = sides < _SMALL, sides >= _LARGE
    facts = {
        "Boxes": f"{len(found.boxes):,}",
        "In an image": f"{numbers.min()} to {numbers.max():,}, mean {numbers.mean():.3g}",
        "Images without any": f"{(numbers == 0).sum():,}",
        f"Small (below {_SMALL}²), medium, large (from {_LARGE}² pixels)": (
            f"{small.mean():.0%}, {(~small & ~large).mean():.0%}, {large.mean():.0%}"
        ),
    }
    plots = _side_by_side(
        _histogram(sides, "side: root of the area, in pixels", bins_per_octave=2),
        _ratios(boxes[:, 0] / boxes[:, 1]),
        _per_image(numbers),
    )
    rows: list[list[Cell]] = [
        [
            name,
            int(of_class.sum()),
            float(np.median(sides[of_class])),
            *(f"{kind[of_class].mean():.0%}" for kind in (small, ~small & ~large, large)),
            float(np.median(boxes[of_class, 0] / boxes[of_class, 1])),
        ]
        for label, name in enumerate(classes)
        if (of_class := labels == label).any()
    ]
    header = ["class", "boxes", "median side", "small", "medium", "large", "median width / height"]
    return Section(
        "boxes", "Boxes", _of(found) + pairs(facts) + plots + table(header, rows, (3, 4, 5))
    )


def _per_image(numbers: np.ndarray) -> dict[str, Any]:
    counted = np.bincount(numbers)
    bars = {"type": "bar", "x": list(range(len(counted))), "y": counted.tolist()}
    return {"data": [bars], "layout": {**_titles("boxes in an image", "images"), "bargap": 0.05}}


def _titles(x: str, y: str) -> dict[str, Any]:
    return {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}


def _side_by_side(*figures: dict[str, Any]) -> str:
    return f'<div class="plots">{"".join(map(figure, figures))}</div>'
