"""Section: the images with the highest loss."""

from __future__ import annotations

import numpy as np

from mmresnet.evaluation.diagnosis.temperature import losses
from mmresnet.report.classification.classified import SCRIPT, Classified, small
from mmresnet.report.html import note
from mmresnet.report.page import Section

_MOST = 144


def worst(found: Classified) -> Section:
    """Return the misclassified images whose true class has the lowest scores."""
    loss = losses(found.scores, found.labels)
    order = np.argsort(-loss, kind="stable")
    chosen = [int(i) for i in order[:_MOST] if found.wrong[i]]
    items = [
        found.item(i, f"true class {small(found.scores[i, found.labels[i]])}, loss {loss[i]:.2f}")
        for i in chosen
    ]
    share = loss[chosen].sum() / loss.sum() if chosen else 0.0
    text = (
        f"The {len(items):,} images with the highest loss, {share:.0%} of the loss of the whole "
        f"{found.set}. Wrong labels, several objects and poor pictures gather here."
    )
    html = note(text) + '<div class="items"></div>'
    return Section("losses", "Worst mistakes", html, {"items": items}, SCRIPT)
