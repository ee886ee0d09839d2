"""The sections on a classifier: where it fails, how far it can be trusted, what its data hide."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mmresnet.report.classification import confusion, data, mistakes, trust
from mmresnet.report.classification.classified import Classified, read
from mmresnet.report.html import note
from mmresnet.report.images import Images
from mmresnet.report.page import Section, attempt
from mmresnet.report.run import Run

PARTS: dict[str, Callable[[Classified], Section]] = {
    "Confusion matrix": confusion.matrix,
    "Classes": confusion.classes,
    "Worst mistakes": mistakes.worst,
    "Calibration": trust.calibration,
    "Thresholds": trust.thresholds,
    "Doubtful labels": data.doubtful_labels,
    "Near duplicates": data.near_duplicates,
}


def sections(run: Run, images: Images) -> list[Section]:
    """Return the sections; a sentence if there is no label for each image to compare with."""
    found = read(run)
    if found is None:
        return []
    if found.labels is None:
        text = (
            "Confusion, calibration and doubtful labels are not shown: they need one label for "
            "each image, and these images have none, or several."
        )
        return [Section("classes", "Classes", note(text))]
    classified = Classified(run, images, found)
    made: list[Section] = []
    for title, part in PARTS.items():
        made += attempt(title, partial(_alone, part, classified))
    return made


def _alone(part: Callable[[Classified], Section], classified: Classified) -> list[Section]:
    return [part(classified)]
