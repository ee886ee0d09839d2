"""Writing the report of a run."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mmresnet.atomic import atomic_write
from mmresnet.report import cams, classification, curves, detection, head
from mmresnet.report.images import Images
from mmresnet.report.page import Section, assemble, attempt, plotly_js
from mmresnet.report.run import Run

Part = Callable[[Run, Images], list[Section]]
PARTS: dict[str, Part] = {
    "Summary": head.summary,
    "Curves": curves.sections,
    "Classes": classification.sections,
    "Detection": detection.sections,
    "Where it looked": cams.sections,
    "Settings": head.settings,
}
NAME = "report.html"


def write_report(folder: str | os.PathLike[str]) -> Path:
    """Write ``report.html`` into the folder of a run, in place of an earlier one.

    Raises:
        UserError: The folder is not a run's.
        MissingPackageError: The extra ``report`` is not installed.
    """
    plotly_js()  # nothing is computed where it lacks
    run, images = Run(folder), Images()
    found = [
        section
        for title, part in PARTS.items()
        for section in attempt(title, partial(part, run, images))
    ]
    path = run.folder / NAME
    with atomic_write(path) as file:
        file.write(assemble(_title(run), found, images))
    return path


def _title(run: Run) -> str:
    return run.name if run.name == run.config_name else f"{run.config_name}: {run.name}"
