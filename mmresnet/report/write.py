"""Writing the report of a run."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from mmengine.logging import print_log

from mmresnet.atomic import atomic_write
from mmresnet.report import cams, classification, curves, detection, head
from mmresnet.report.html import note
from mmresnet.report.images import Images
from mmresnet.report.page import Section, assemble, plotly_js
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
    found = [section for title in PARTS for section in _sections(title, run, images)]
    path = run.folder / NAME
    with atomic_write(path) as file:
        file.write(assemble(_title(run), found, images))
    return path


def _sections(title: str, run: Run, images: Images) -> list[Section]:
    """Return a part of the report; a part that fails costs the report no other."""
    try:
        return PARTS[title](run, images)
    except Exception as error:  # whatever it is
        reason = f"{type(error).__name__}: {error}"
        print_log(f"The report has no part '{title}'. {reason}", "current", logging.WARNING)
        return [Section(title.lower(), title, note(f"This part could not be made. {reason}"))]


def _title(run: Run) -> str:
    return run.name if run.name == run.config_name else f"{run.config_name}: {run.name}"
