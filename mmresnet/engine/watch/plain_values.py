"""A batch as tensors and plain values, which ``torch.load`` reads with ``weights_only=True``."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

# What a batch may hold besides tensors and plain values, and nothing else is imported for a file.
_MODULES = {
    "DataSample": "mmpretrain.structures",
    "MultiTaskDataSample": "mmpretrain.structures",
    "DetDataSample": "mmdet.structures",
    "ReIDDataSample": "mmdet.structures",
    "TrackDataSample": "mmdet.structures",
    "SegDataSample": "mmseg.structures",
    "InstanceData": "mmengine.structures",
    "PixelData": "mmengine.structures",
    "LabelData": "mmengine.structures",
    "HorizontalBoxes": "mmdet.structures.bbox",
    "BitmapMasks": "mmdet.structures.mask",
    "PolygonMasks": "mmdet.structures.mask",
}
_TYPE = "__type__"


def to_plain(value: Any) -> Any:
    """Return ``value`` with its tensors on the CPU and its objects as dicts; others as text."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return {_TYPE: "ndarray", "dtype": str(value.dtype), "array": _tensor(value)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(to_plain(item) for item in value)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    name = type(value).__name__
    if name not in _MODULES:
        return str(value)
    if isinstance(value, BaseDataElement):
        fields = {"metainfo": dict(value.metainfo_items()), "data": dict(value.all_items())}
        fields["data"] = {k: v for k, v in fields["data"].items() if k not in fields["metainfo"]}
    elif name == "HorizontalBoxes":
        fields = {"data": value.tensor}
    else:  # masks
        fields = {"masks": value.masks, "height": value.height, "width": value.width}
    return {_TYPE: name, **{key: to_plain(item) for key, item in fields.items()}}


def from_plain(value: Any) -> Any:
    """Return what :func:`to_plain` was given.

    Raises:
        KeyError: an object of a class that :func:`to_plain` does not write.
    """
    if isinstance(value, (list, tuple)):
        return type(value)(from_plain(item) for item in value)
    if not isinstance(value, dict):
        return value
    fields = {key: from_plain(item) for key, item in value.items() if key != _TYPE}
    if _TYPE not in value:
        return fields
    name = value[_TYPE]
    if name == "ndarray":
        return fields["array"].numpy().astype(fields["dtype"])
    kind: Any = getattr(importlib.import_module(_MODULES[name]), name)
    if not issubclass(kind, BaseDataElement):
        return kind(**fields)
    element = kind(metainfo=fields["metainfo"])
    for key, item in fields["data"].items():
        element.set_field(item, key, dtype=None)
    return element


def _tensor(array: np.ndarray[Any, Any]) -> Tensor:
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:  # torch computes with uint8 alone
        array = array.astype(np.int64)
    return torch.from_numpy(np.array(array, order="C"))
