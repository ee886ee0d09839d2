"""All experiments of the paper by name."""

from __future__ import annotations

import re

from mmresnet.errors import UserError, did_you_mean
from mmresnet.paper import cifar, detection, imagenet, localization
from mmresnet.paper.experiment import Experiment


def _order(experiment: Experiment) -> tuple[bool, int]:
    """Tables before figures, by number."""
    return experiment.name.startswith("figure"), int(re.sub(r"\D", "", experiment.name))


_GROUPS = (imagenet, cifar, detection, localization)
EXPERIMENTS: dict[str, Experiment] = {
    one.name: one
    for one in sorted((one for group in _GROUPS for one in group.EXPERIMENTS), key=_order)
}


def find(name: str) -> Experiment:
    """Return the experiment ``name``.

    Raises:
        UserError: There is none; the message gives the nearest.
    """
    if name not in EXPERIMENTS:
        raise UserError(
            f"There is no experiment '{name}'.{did_you_mean(name, EXPERIMENTS)} "
            "'mmresnet paper' lists them all."
        )
    return EXPERIMENTS[name]
