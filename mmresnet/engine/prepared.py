"""Batches that are normalized before their step, and data preprocessors that know of it."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from torch import nn

# What they compute depends on the batch alone. Others may draw random numbers, which a checkpoint
# between two steps must not have seen, or read what the step before has changed.
_DETERMINISTIC = {
    ("mmengine.model.base_model.data_preprocessor", "ImgDataPreprocessor"),
    ("mmpretrain.models.utils.data_preprocessor", "ClsDataPreprocessor"),
    ("mmdet.models.data_preprocessors.data_preprocessor", "DetDataPreprocessor"),
}


class PreparedBatch(dict[str, Any]):
    """A batch as it was loaded, for hooks to see, and as the net gets it."""

    def __init__(self, loaded: dict[str, Any], prepared: dict[str, Any]) -> None:
        super().__init__(loaded)
        self.prepared = prepared


def preparation_for(preprocessor: nn.Module) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what makes a :class:`PreparedBatch` of each batch of a training.

    The data preprocessor leaves such a batch as it is from then on. Batches stay as they were
    loaded where the data preprocessor mixes or resizes images, or is another than those of
    mmengine, mmpretrain and mmdet.
    """
    kind = type(preprocessor)
    known = (kind.__module__, kind.__qualname__) in _DETERMINISTIC
    if not known or getattr(preprocessor, "batch_augments", None) is not None:
        return lambda batch: batch
    preprocessor.forward = types.MethodType(_unless_prepared, preprocessor)
    return lambda batch: PreparedBatch(batch, preprocessor(batch, True))


def _unless_prepared(self: Any, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
    if isinstance(data, PreparedBatch):
        return dict(data.prepared)
    return type(self).forward(self, data, training)
