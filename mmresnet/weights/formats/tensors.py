"""What was read from a file, as tensors and plain values."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mmresnet.weights.formats.detect import FormatError, shorten
from mmresnet.weights.formats.numpy_pickles import Array
from mmresnet.weights.formats.pickle_reader import RESAVE

_MAX_DEPTH = 64  # checkpoints nest their values less than ten deep


def to_tensors(content: object, device: str | torch.device) -> dict[Any, Any]:
    """Return ``content`` with its NumPy arrays as tensors, all tensors on ``device``.

    Arrays of text become lists. Dicts and lists are changed in place. What occurs twice stays one
    object.

    Raises:
        FormatError: It is not a dict, holds no tensor, or an array of something else.
    """
    if not isinstance(content, dict):
        raise FormatError(
            f"holds a {type(content).__name__}, but weights are a dict of tensors by name: save "
            "it again by torch.save(model.state_dict(), 'weights.pth')."
        )
    converted: dict[int, tuple] = {}  # by id; the original is kept, so that its id stays taken

    def convert(value: object, depth: int) -> object:
        if depth > _MAX_DEPTH:
            raise FormatError(f"nests its values more than {_MAX_DEPTH} deep: {RESAVE}.")
        if id(value) in converted:
            return converted[id(value)][1]
        result = value
        if isinstance(value, Array):
            result = _from_array(value.values, device)
        elif isinstance(value, np.ndarray):
            result = _from_array(value, device)
        elif isinstance(value, np.generic):
            result = value.item()
        elif isinstance(value, torch.Tensor):
            result = value.to(device)
        elif isinstance(value, (dict, list)):
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                value[key] = convert(item, depth + 1)
        elif type(value) is tuple:
            result = tuple(convert(item, depth + 1) for item in value)
        converted[id(value)] = value, result
        return result

    convert(content, 0)
    if not any(isinstance(result, torch.Tensor) for _, result in converted.values()):
        named = [f"'{shorten(key, 40)}'" for key in list(content)[:4] if isinstance(key, str)]
        entries = f"its entries are {', '.join(named)}" if named else "it has no entries by name"
        raise FormatError(
            f"holds no tensor ({entries}): give the file that the weights were saved to."
        )
    return content


def _from_array(array: np.ndarray, device: str | torch.device) -> torch.Tensor | list:
    try:
        if array.dtype.kind in "US":
            return array.tolist() if array.size else []
        native = array.dtype.newbyteorder("=")
        return torch.from_numpy(np.array(array, dtype=native, order="C")).to(device)
    except (TypeError, ValueError) as error:
        raise FormatError(
            f"holds an array of the type '{array.dtype}', but weights are numbers: {RESAVE}."
        ) from error
