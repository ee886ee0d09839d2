"""Sums over the shards of a run, with the same bits for any number of processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from torch import Tensor, distributed

from mmresnet.engine.logical.layout import Layout

T = TypeVar("T")


class ProcessTree:
    """The part of the tree that lies between the processes, and a group of each process alone.

    At each level, a process and its partner add what they have by an all-reduce of two: both get
    the same bits, as ``a + b`` is ``b + a``.

    Attributes:
        levels: The group of this process with its partner, from the leaves to the root.
    """

    def __init__(self, layout: Layout) -> None:
        self.levels: list[distributed.ProcessGroup] = []
        self._own: distributed.ProcessGroup | None = None
        if not distributed.is_initialized():
            return
        self._own = _group(layout.rank)
        for level in range((layout.processes - 1).bit_length()):
            self.levels.append(_group(layout.rank, layout.rank ^ (1 << level)))

    def add(self, tensor: Tensor) -> None:
        """Add the tensors of all processes, in place; a collective call."""
        for group in self.levels:
            distributed.all_reduce(tensor, group=group)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let whatever communicates inside believe that this process is the only one.

        A layer or loss that averages over processes, as normalizers of mmdet's losses do, then
        computes from the images of a shard.
        """
        if self._own is None:
            yield
            return
        world = distributed.GroupMember.WORLD
        distributed.GroupMember.WORLD = self._own
        try:
            yield
        finally:
            distributed.GroupMember.WORLD = world


def _group(*ranks: int) -> distributed.ProcessGroup:
    # else all processes would have to take part in the making of each group
    group = distributed.new_group(sorted(ranks), use_local_synchronization=True)
    assert isinstance(group, distributed.ProcessGroup)
    return group


class LocalTree(Generic[T]):
    """The subtree of the shards of a process: values come one by one and are added in pairs.

    Args:
        add: Returns the sum of a left and a right value.
    """

    def __init__(self, add: Callable[[T, T], T]) -> None:
        self._add = add
        self._waiting: list[T] = []
        self._number = 0

    def push(self, value: T) -> None:
        """Add the value of the next shard."""
        for _ in range(pairs(self._number)):
            value = self._add(self._waiting.pop(), value)
        self._number += 1
        self._waiting.append(value)

    def pop(self) -> T:
        """Return the sum of a power of two of values."""
        (total,) = self._waiting
        self._waiting, self._number = [], 0
        return total


def pairs(number: int) -> int:
    """Return how many sums the value with this number, from 0, completes: its trailing ones."""
    return (~number & (number + 1)).bit_length() - 1
