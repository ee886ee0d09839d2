"""Weights of any ResNet, whoever wrote the file: read, recognised, counted, converted."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmresnet.weights.coverage import WeightsError
    from mmresnet.weights.load import load_weights
    from mmresnet.weights.report import Report

__all__ = ["Report", "WeightsError", "load_weights"]

_HOMES = {"load_weights": "load", "Report": "report", "WeightsError": "coverage"}


def __getattr__(name: str) -> Any:
    """Import a part when it is asked for: the backbones need only one of them."""
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
