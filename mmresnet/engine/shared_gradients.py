"""Averaging of gradients by memory that two processes of a machine share."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
from collections.abc import Iterator
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed, multiprocessing
from torch.futures import Future

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn.parallel import DistributedDataParallel

_FOLDER = Path("/dev/shm")
# Of the gradients' bytes: two processes, and the buckets of the first step until they are freed.
_COPIES = 4
_CHUNK = 2**16  # numbers that stay in the cache of a core while they are averaged


def share_gradients(model: DistributedDataParallel) -> bool:
    """Let two processes average their gradients in shared memory, where that can be done.

    It takes a group of two, both on this machine, a model on the CPU, and room in ``/dev/shm``,
    which containers limit. Gloo sends all gradients through sockets instead.

    Args:
        model: Without a communication hook.

    Returns:
        Whether they do; the same in both.
    """
    if distributed.get_world_size() != 2 or os.environ.get("LOCAL_WORLD_SIZE") != "2":
        return False
    if distributed.get_backend() != "gloo":
        return False
    both = torch.tensor(int(_has_room(model) and _can_share()))
    distributed.all_reduce(both, distributed.ReduceOp.MIN)
    if not both:
        return False
    average = SharedGradients().average
    model.register_comm_hook(None, lambda _, bucket: average(bucket))
    return True


def _has_room(model: DistributedDataParallel) -> bool:
    trained = [p for p in model.parameters() if p.requires_grad]
    if not _FOLDER.is_dir() or any(p.device.type != "cpu" for p in trained):
        return False
    return shutil.disk_usage(_FOLDER).free >= _COPIES * sum(p.nbytes for p in trained)


def _can_share() -> bool:
    try:
        with _by_name():
            torch.zeros(1).share_memory_()
    except RuntimeError:  # torch starts a program for it
        return False
    return True


class SharedGradients:
    """A communication hook of ``DistributedDataParallel``, with the bits of gloo's average.

    Buckets move to shared memory when they are first seen. Once a process has all gradients of a
    step and the other one as well, each averages a half of every bucket, and writes it to both.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Tensor, Future[Tensor]]] = []
        self._others: list[Tensor] = []

    def average(self, bucket: Any) -> Future[Tensor]:
        """Return the average of a ``GradBucket``, known when the last bucket of the step is."""
        future: Future[Tensor] = Future()
        self._waiting.append((bucket.buffer(), future))
        if bucket.is_last():
            waiting, self._waiting = self._waiting, []
            self._average_all([buffer for buffer, _ in waiting])
            for buffer, done in waiting:
                done.set_result(buffer)
        return future

    def _average_all(self, buffers: list[Tensor]) -> None:
        if not all(buffer.is_shared() for buffer in buffers):  # the second step has new buckets
            self._others = _exchange(buffers)
        distributed.barrier()
        rank = distributed.get_rank()
        for own, other in zip(buffers, self._others, strict=True):
            halves = (buffer.tensor_split(2)[rank].split(_CHUNK) for buffer in (own, other))
            for first, second in zip(*halves, strict=True):
                first.mul_(0.5)  # before the addition, as torch does for gloo
                second.copy_(first.add_(second.mul_(0.5)))
        distributed.barrier()


def _exchange(buffers: list[Tensor]) -> list[Tensor]:
    """Move tensors to shared memory, and return those that the other process moved there."""
    with _by_name():
        names = [bytes(ForkingPickler.dumps(buffer.share_memory_())) for buffer in buffers]
    every: list[list[bytes]] = [[], []]
    distributed.all_gather_object(every, names)
    return [pickle.loads(name) for name in every[1 - distributed.get_rank()]]


@contextlib.contextmanager
def _by_name() -> Iterator[None]:
    """Let tensors be shared by names, which can be sent, inside."""
    strategy = multiprocessing.get_sharing_strategy()
    multiprocessing.set_sharing_strategy("file_system")
    try:
        yield
    finally:
        multiprocessing.set_sharing_strategy(strategy)
