"""Gradients of the shards of a process, added in a tree and exchanged during the backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn

from mmresnet.engine.logical.tree import ProcessTree, pairs

BUCKET_BYTES = 25 * 2**20  # as DistributedDataParallel's


@dataclass(frozen=True)
class _Place:
    """Where the gradient of a parameter lies."""

    bucket: int
    offset: int
    strides: tuple[int, ...]  # those of the parameter, without gaps


class Gradients:
    """Sums of the gradients of all shards, a number of them at a time.

    A gradient is copied into a bucket as soon as it is computed. Of the last shard of a process, a
    bucket that is full is added to the sums of the shards before and sent, while the backward pass
    goes on. A parameter that a shard does not use has zeros there.

    Args:
        parameters: To be trained.
        shards: Of this process, a power of two.
        tree: Between the processes.
        bucket_bytes: The size of a bucket, unless it has a single larger parameter.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        shards: int,
        tree: ProcessTree,
        bucket_bytes: int = BUCKET_BYTES,
    ) -> None:
        self.parameters = list(parameters)
        self._tree, self._shards = tree, shards
        self._places: dict[nn.Parameter, _Place] = {}
        sizes = self._place(bucket_bytes)
        depth = shards.bit_length()
        self._free = [[kind.new_empty(n) for kind, n in sizes] for _ in range(depth)]
        self._waiting: list[list[Tensor]] = []  # sums of earlier shards
        self._target: list[Tensor] = []  # of the shard that is computed
        self._expected = [0] * len(sizes)
        for place in self._places.values():
            self._expected[place.bucket] += 1
        self._missing: list[int] = []  # gradients that have not come yet, of each bucket
        self._seen: set[nn.Parameter] = set()
        self._used: set[nn.Parameter] = set()  # by any shard of this process
        self._number = self._sent = 0
        self._works: list[Any] = []
        self._handles = [
            one.register_post_accumulate_grad_hook(self._take) for one in self.parameters
        ]

    def _place(self, bucket_bytes: int) -> list[tuple[Tensor, int]]:
        """Give each parameter a place; return a tensor of each bucket's kind, and its size.

        The last parameters come first, as their gradients do.
        """
        sizes: list[tuple[Tensor, int]] = []
        for parameter in reversed(self.parameters):
            kind, number = sizes[-1] if sizes else (parameter, 0)
            fits = (number + parameter.numel()) * parameter.element_size() <= bucket_bytes
            same = kind.dtype == parameter.dtype and kind.device == parameter.device
            if not sizes or not fits or not same:
                sizes.append((parameter.detach(), 0))
                number = 0
            strides = torch.empty_like(parameter, device="meta").stride()
            self._places[parameter] = _Place(len(sizes) - 1, number, strides)
            sizes[-1] = sizes[-1][0], number + parameter.numel()
        return sizes

    def close(self) -> None:
        """Take gradients no longer."""
        for handle in self._handles:
            handle.remove()

    def begin(self) -> None:
        """Begin with the backward pass of the next shard."""
        self._target = self._free.pop()
        self._missing = list(self._expected)
        self._seen.clear()
        self._sent = 0

    def _take(self, parameter: nn.Parameter) -> None:
        gradient = parameter.grad
        assert gradient is not None
        view, bucket = self._view(self._target, parameter), self._places[parameter].bucket
        if parameter in self._seen:  # used by several parts that are computed again in backward
            if bucket < self._sent:
                raise RuntimeError("A gradient came after its bucket had been sent.")
            view.add_(gradient)
        else:
            view.copy_(gradient)
            self._seen.add(parameter)
            self._missing[bucket] -= 1
        parameter.grad = None
        while self._sent < len(self._missing) and self._missing[self._sent] == 0:
            self._complete()

    def _complete(self) -> None:
        """Add a full bucket to those that wait for it, and send it if it is the process's sum."""
        bucket, self._sent = self._sent, self._sent + 1
        merged = pairs(self._number)
        for waiting in reversed(self._waiting[len(self._waiting) - merged :]):
            self._target[bucket].add_(waiting[bucket])
        if self._number + 1 == self._shards and self._tree.levels:
            group = self._tree.levels[0]
            self._works.append(
                distributed.all_reduce(self._target[bucket], group=group, async_op=True)
            )

    def end(self) -> None:
        """End the backward pass of a shard."""
        for parameter in self.parameters:
            if parameter not in self._seen:
                self._view(self._target, parameter).zero_()
        while self._sent < len(self._missing):
            self._complete()
        self._used |= self._seen
        for _ in range(pairs(self._number)):
            self._free.append(self._waiting.pop())
        self._waiting.append(self._target)
        self._number += 1

    def finish(self) -> tuple[list[Tensor], list[bool]]:
        """Return the sums over all shards, and which parameters this process's shards used.

        The sums stay valid until the next shard begins.
        """
        (sums,) = self._waiting
        for group in self._tree.levels[1:]:
            for bucket, work in enumerate(self._works):
                work.wait()
                self._works[bucket] = distributed.all_reduce(
                    sums[bucket], group=group, async_op=True
                )
        for work in self._works:
            work.wait()
        used = [parameter in self._used for parameter in self.parameters]
        self._free.append(self._waiting.pop())
        self._works, self._number = [], 0
        self._used = set()
        return [self._view(sums, parameter) for parameter in self.parameters], used

    def _view(self, buckets: list[Tensor], parameter: nn.Parameter) -> Tensor:
        place = self._places[parameter]
        return buckets[place.bucket].as_strided(parameter.shape, place.strides, place.offset)
