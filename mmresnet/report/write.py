"""Writing the report of a run."""

from __future__ import annotations

import os
from pathlib import Path

from mmresnet.atomic import atomic_write
from mmresnet.report import curves, detection, head
from mmresnet.report.images import Images
from mmresnet.report.page import Section, assemble, plotly_js
from mmresnet.report.run import Run

PARTS = (head.sections, curves.sections, detection.sections)
NAME = "report.html"


def write_report(folder: str | os.PathLike[str]) -> Path:
    """Write ``report.html`` into the folder of a run, in place of an earlier one.

    Raises:
        UserError: The folder is not a run's.
        MissingPackageError: The extra ``report`` is not installed.
    """
    plotly_js()  # nothing is computed where it lacks
    run, images = Run(folder), Images()
    found: list[Section] = [section for part in PARTS for section in part(run, images)]
    path = run.folder / NAME
    with atomic_write(path) as file:
        file.write(assemble(run.name, found, images))
    return path
