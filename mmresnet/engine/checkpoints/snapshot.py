"""Copies of a checkpoint in host memory, which training cannot change while they are written."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


class HostCopies:
    """Copies nested dicts, lists and tuples of tensors and other values.

    Tensors that share memory do so in the copies, too. The memory is kept for the next copies: to
    get it from the system anew takes several times as long as the copying.
    """

    def __init__(self) -> None:
        self._buffers: list[torch.UntypedStorage] = []  # all, whether in use or not
        self._free: dict[int, list[torch.UntypedStorage]] = {}  # by bytes
        self._copied: dict[tuple[torch.device, int, int], torch.UntypedStorage] = {}
        self._originals: list[object] = []  # kept alive, so that an address means one tensor
        self._memo: dict[int, Any] = {}  # of copy.deepcopy

    @contextmanager
    def of_one_moment(self) -> Iterator[None]:
        """Copy what does not change meanwhile, each tensor once; earlier copies are overwritten."""
        self._free = {}
        for buffer in self._buffers:
            self._free.setdefault(buffer.nbytes(), []).append(buffer)
        try:
            yield
        finally:
            self._copied, self._originals, self._memo = {}, [], {}

    def copy(self, value: Any) -> Any:
        """Return a copy of ``value`` whose tensors are in host memory."""
        if type(value) is Tensor and value.layout == torch.strided and not value.requires_grad:
            return self._copy_tensor(value)
        if type(value) in (dict, OrderedDict):
            result = type(value)((key, self.copy(item)) for key, item in value.items())
            if hasattr(value, "__dict__"):  # a state dict's _metadata
                vars(result).update(copy.deepcopy(vars(value), self._memo))
            return result
        if type(value) in (list, tuple):
            return type(value)(self.copy(item) for item in value)
        return copy.deepcopy(value, self._memo)

    def _copy_tensor(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        size = storage.nbytes()
        key = (tensor.device, storage.data_ptr(), size)
        if key not in self._copied:
            if self._free.get(size):
                buffer = self._free[size].pop()
            else:
                buffer = torch.UntypedStorage(size)
                self._buffers.append(buffer)
            buffer.copy_(storage)
            self._copied[key] = buffer
            self._originals.append(storage)
        place = tensor.storage_offset(), tensor.size(), tensor.stride()
        return torch.empty(0, dtype=tensor.dtype).set_(self._copied[key], *place)
