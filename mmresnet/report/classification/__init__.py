"""The sections on a classifier: where it fails, how far it can be trusted, what its data hide."""

from __future__ import annotations

from mmresnet.report.classification import confusion, data, mistakes, trust
from mmresnet.report.classification.classified import Classified, read
from mmresnet.report.html import note
from mmresnet.report.images import Images
from mmresnet.report.page import Section
from mmresnet.report.run import Run

PARTS = (
    confusion.matrix,
    confusion.classes,
    mistakes.worst,
    trust.calibration,
    trust.thresholds,
    data.doubtful_labels,
    data.near_duplicates,
)


def sections(run: Run, images: Images) -> list[Section]:
    """Return the sections; a sentence if there is one label per image to compare with."""
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
    return [part(classified) for part in PARTS]
