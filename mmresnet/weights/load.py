"""Loading weights into a model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmresnet.weights.fit import fit
from mmresnet.weights.report import Report

if TYPE_CHECKING:
    from torch import nn


def load_weights(
    model: nn.Module,
    source: str | os.PathLike | Mapping[str, Any],
    *,
    allow_partial: bool = False,
    key: str | None = None,
    prefix: str | None = None,
    map_location: object = "cpu",
) -> Report:
    """Load the weights of any ResNet into a model around one of this package.

    Args:
        model: A backbone, a classifier, a detector, …
        source: A path, an address, a name as :func:`mmresnet.weights.sources.read` takes it, or
            what such a file holds.
        allow_partial: Take what fits, whatever is missing or has another shape.
        key: Where in the checkpoint the weights are, if it holds several.
        prefix: What the names of the wanted part begin with in the file. A file that has no such
            names is taken as a whole.

    Returns:
        What was loaded and what was not. The model keeps it as ``weights_report``.

    Raises:
        mmresnet.errors.UserError: The weights cannot be had, or (:class:`WeightsError`) would fill
            only a part of the backbone; then the model is as it was.
    """
    if not isinstance(source, Mapping):
        from mmresnet.weights.sources import read

        source = read(source, map_location)
    if prefix:
        source = _within(source, prefix if prefix.endswith(".") else f"{prefix}.", key)
        key = None
    fitted = fit(model, source, allow_partial, key)
    model.load_state_dict(fitted.state_dict, strict=False)
    model.weights_report = fitted.report
    return fitted.report


def _within(content: Mapping[str, Any], prefix: str, key: str | None) -> Mapping[str, Any]:
    from mmresnet.weights.names.recognise import unwrap

    tensors = unwrap(content, key)[0]
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    } or tensors
