"""The whole model beside its shards, while it is evaluated."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.distributed.tensor import DTensor


class Replica:
    """A copy of a model, whose weights take memory only while it is in use.

    A process then computes with no other: in a validation, they may have different numbers of
    batches. Buffers, such as BatchNorm's statistics, are those of the model itself.

    Args:
        model: Before it is sharded.
    """

    def __init__(self, model: nn.Module) -> None:
        self._source = model
        self._empty = {
            name: nn.Parameter(torch.empty_like(one, device="meta"), one.requires_grad)
            for name, one in model.named_parameters()
        }
        instead: dict[int, object] = {
            id(one): self._empty[name] for name, one in model.named_parameters()
        }
        instead |= {id(one): one for one in model.buffers()}
        self.model: nn.Module = copy.deepcopy(model, instead)

    def fill(self) -> nn.Module:
        """Gather the weights, channels-last, and return the model; all processes call this."""
        for name, parameter in self._source.named_parameters():
            whole = parameter.detach()
            whole = whole.full_tensor() if isinstance(whole, DTensor) else whole
            if whole.dim() == 4:
                whole = whole.contiguous(memory_format=torch.channels_last)
            self._set(name, nn.Parameter(whole, requires_grad=False))
        return self.model

    def empty(self) -> None:
        """Free the weights."""
        for name, parameter in self._empty.items():
            self._set(name, parameter)

    @contextmanager
    def filled(self) -> Iterator[nn.Module]:
        """Yield the model with its weights; all processes call this."""
        try:
            yield self.fill()
        finally:
            self.empty()

    def _set(self, name: str, parameter: nn.Parameter) -> None:
        owner, _, leaf = name.rpartition(".")
        setattr(self.model.get_submodule(owner), leaf, parameter)
