"""Loading weights into a model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmresnet.weights.checkpoint import read
from mmresnet.weights.coverage import Coverage
from mmresnet.weights.fit import fit
from mmresnet.weights.report import Report
from mmresnet.weights.sharded_models import shard_state

if TYPE_CHECKING:
    from torch import device, nn


def load_weights(
    model: nn.Module,
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    allow_partial: bool = False,
    key: str | None = None,
    prefix: str | None = None,
    coverage: Coverage = "backbone",
    map_location: str | device = "cpu",
) -> Report:
    """Load weights into a model: those of any ResNet where it has a backbone of this package.

    Args:
        model: A backbone, a classifier, a detector, …
        source: A path, an address, a name as :func:`mmresnet.weights.checkpoint.read` takes it, or
            what that returns.
        allow_partial: Load what fits, whatever is missing in the backbone or has another shape.
        key: Where in the checkpoint the weights are, if it holds several.
        prefix: What the names of the wanted part begin with in the file. A file that has no such
            names is taken as a whole.
        coverage: What has to be filled, and the file may not hold more of: "backbone";
            "all_but_heads", to fine-tune for other classes; "all", to test or resume.

    Returns:
        What was loaded and what was not. The model keeps it as ``weights_report``.

    Raises:
        mmresnet.errors.UserError: The weights cannot be had, or (:class:`WeightsError`) would fill
            less than that; then the model is unchanged.
        TypeError: ``model`` has no backbone of this package, and ``coverage`` is "backbone".
        KeyError: There are no weights at ``key``.
    """
    if not isinstance(source, Mapping):
        source = read(source, map_location)
    fitted = fit(model, source, allow_partial, key, prefix, coverage)
    model.load_state_dict(shard_state(model, fitted.state_dict), strict=False)
    model.weights_report = fitted.report  # type: ignore[assignment]  # torch: Tensor | Module
    return fitted.report
