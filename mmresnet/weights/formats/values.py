"""What is read of a file, as tensors and plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmresnet.weights.formats.kinds import UnfitError
from mmresnet.weights.formats.pickle_machine import RESAVE
from mmresnet.weights.formats.pickles import Array

if TYPE_CHECKING:
    import torch

_DEEPEST = 64  # checkpoints nest their values less than ten deep


def tensors_of(content: object, place: str | torch.device) -> dict[Any, Any]:
    """Return ``content`` with its NumPy arrays as tensors, all tensors on the device ``place``.

    Dicts and lists are changed in place. What occurs twice stays one thing.

    Raises:
        UnfitError: It is no dict, holds no tensor, or an array of something other than numbers.
    """
    import torch

    if not isinstance(content, dict):
        raise UnfitError(
            f"holds a {type(content).__name__}, and weights are a dict of tensors by name: write "
            "it again by torch.save(model.state_dict(), 'weights.pth')."
        )
    seen: dict[int, tuple] = {}  # both what it was and what it became: an id lives as long
    count = 0

    def settle(value: object, depth: int) -> object:
        nonlocal count
        if depth > _DEEPEST:
            raise UnfitError(f"nests its values more than {_DEEPEST} deep: {RESAVE}.")
        if id(value) in seen:
            return seen[id(value)][1]
        settled = value
        if isinstance(value, Array):
            settled = settle(value.values, depth)
        elif isinstance(value, np.generic):
            settled = value.item()
        elif isinstance(value, np.ndarray) and value.dtype.kind in "US":
            settled = value.tolist()
        elif isinstance(value, np.ndarray):
            settled = _tensor(value).to(place)
            count += 1
        elif isinstance(value, torch.Tensor):
            settled = value.to(place)
            count += 1
        elif isinstance(value, (dict, list)):
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                value[key] = settle(item, depth + 1)
        elif type(value) is tuple:
            settled = tuple(settle(item, depth + 1) for item in value)
        else:
            return value
        seen[id(value)] = value, settled
        return settled

    settle(content, 0)
    if not count:
        named = ", ".join(f"'{str(key)[:40]}'" for key in list(content)[:4])
        raise UnfitError(
            "holds no tensor ("
            + (f"its entries are {named}" if named else "it has no entries")
            + "): give the file that the weights were saved to."
        )
    return content


def _tensor(array: np.ndarray) -> torch.Tensor:
    import torch

    native = array.dtype.newbyteorder("=")
    try:
        return torch.from_numpy(np.array(array, dtype=native, order="C"))
    except TypeError as error:
        raise UnfitError(
            f"holds an array of the type '{array.dtype}', and weights are numbers: {RESAVE}."
        ) from error
