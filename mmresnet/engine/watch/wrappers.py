"""A model and its optimizers without what mmengine wraps them in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapperDict

if TYPE_CHECKING:
    from mmengine.optim import OptimWrapper
    from torch import nn


def without_wrapper(model: nn.Module) -> nn.Module:
    """Return a model without its wrapper for parallel training."""
    return model.get_submodule("module") if is_model_wrapper(model) else model


def optim_wrappers(optim_wrapper: Any) -> list[tuple[str, OptimWrapper]]:
    """Return the wrappers of single optimizers, and what precedes the names of their values."""
    if isinstance(optim_wrapper, OptimWrapperDict):
        return [(f"{name}.", wrapper) for name, wrapper in optim_wrapper.items()]
    return [("", optim_wrapper)]
