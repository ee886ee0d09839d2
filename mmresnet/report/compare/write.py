"""Comparing runs and writing the page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmresnet.atomic import atomic_write
from mmresnet.evaluation.comparison.pairwise import Pair
from mmresnet.report.compare import classifiers, detectors, overview
from mmresnet.report.compare.runs import Runs, read_runs
from mmresnet.report.html import note
from mmresnet.report.images import Images
from mmresnet.report.page import Section, assemble, plotly_js

UNTESTED = (
    "There are no predictions that all of these runs have: mmresnet train and mmresnet test write "
    "them into the folder 'predictions' of their --work-dir. Hence no significance, and no images."
)


@dataclass(frozen=True)
class Comparison:
    """What was found, and where it is written.

    Attributes:
        figures: What was measured on the images that all runs have predictions of, by name.
        pairs: All pairs of runs; empty without predictions.
        settings: Rows of a setting that differs and its value in each run; None if not known.
    """

    path: Path
    runs: Runs
    figures: Mapping[str, Sequence[float]] = field(default_factory=dict)
    pairs: Sequence[Pair] = ()
    settings: Sequence[Sequence[str]] | None = None


def write_comparison(
    folders: Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str] = "compare.html",
    split: str | None = None,
) -> Comparison:
    """Compare runs, and write the page to ``path``.

    Args:
        folders: The work directories of two or more runs.
        split: "test" or "val": whose predictions; None takes the first of these that all have.

    Raises:
        UserError: A folder is not a run's; runs of different tasks, images, classes or labels.
        MissingPackageError: The extra ``report`` is not installed.
    """
    plotly_js()  # nothing is computed where it lacks
    runs, images = read_runs(folders, split), Images()
    figures: dict[str, list[float]] = {}
    found: list[Section] = [Section("predictions", "Predictions", note(UNTESTED))]
    pairs: Sequence[Pair] = ()
    if runs.scores:
        compared = classifiers.compare(runs.scores)
        found = classifiers.sections(runs, compared, images)
        figures, pairs = compared.figures, compared.pairs
    elif runs.detections:
        boxes = detectors.compare(runs.detections)
        found = detectors.sections(runs, boxes, images)
        figures, pairs = boxes.figures, boxes.pairs
    significance, *details = found
    sections = [
        overview.overview(runs, figures),
        significance,
        *overview.curves(runs),
        *details,
        *overview.settings(runs),
    ]
    with atomic_write(path) as file:
        file.write(assemble(" · ".join(runs.names), sections, images))
    return Comparison(Path(path), runs, figures, pairs, overview.differing_settings(runs))
