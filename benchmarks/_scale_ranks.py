"""The order of an epoch as each of a thousand processes sees it, without training."""

import functools
import itertools
import math
import time
from collections.abc import Iterator, Sized
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from _measuring import in_new_process, print_table
from mmengine.dataset import DefaultSampler
from torch.utils.data import DataLoader, Dataset

from mmresnet.datasets.shards.sampler import ShardSampler
from mmresnet.engine.resume import loader as loader_module
from mmresnet.engine.resume.loader import ResumableDataLoader

IMAGENET = 1_281_167
SEED = 3
IN_A_SHARD = 1000
SAMPLERS = (DefaultSampler, ShardSampler)
RANDPERM, ORDER_IN_SHARDS = torch.randperm, ShardSampler.order
ORDERS: dict[Any, np.ndarray] = {}


class Nothing(Dataset[int]):
    """A data set of which only the length is asked for, and which images lie in which shard."""

    def __init__(self, size: int) -> None:
        self.size, self.rows = size, np.arange(size)
        shards, offsets = (self.rows // IN_A_SHARD).astype(np.int32), self.rows % IN_A_SHARD
        self.columns = {"shard": shards, "offset": offsets}

    def __len__(self) -> int:
        return self.size

    def rows_in_shards(self) -> tuple[Any, np.ndarray]:
        """Return what a ``ShardSampler`` asks for."""
        return SimpleNamespace(index=SimpleNamespace(columns=self.columns), cache=None), self.rows


def loader_of(
    kind: Any, data: Sized, rank: int, ranks: int, batch: int, round_up: bool = True
) -> Any:
    """Return the loader of one of ``ranks`` processes, as a training has it."""
    place = lambda: (rank, ranks)  # noqa: E731
    with (
        mock.patch.dict(kind.__init__.__globals__, get_dist_info=place),
        mock.patch.object(loader_module, "get_dist_info", place),
    ):
        order = kind(data, seed=SEED, round_up=round_up)
        return ResumableDataLoader(DataLoader(data, batch, sampler=order), SEED)


def batches(loader: Any) -> Iterator[list[int]]:
    """Yield the indices of the batches that ``loader.rest()`` would load."""
    loader._order.begin(loader.epoch, loader.batches)
    return iter(loader.batch_sampler)


@functools.cache
def shuffled(size: int, seed: int) -> torch.Tensor:
    return RANDPERM(size, generator=torch.Generator().manual_seed(seed))


def randperm_once(size: int, generator: torch.Generator) -> torch.Tensor:
    """Stand in for torch.randperm: all processes draw the same order, one after another here."""
    return shuffled(size, generator.initial_seed())


def order_once(sampler: Any, epoch: int) -> np.ndarray:
    """Stand in for ShardSampler.order, likewise."""
    key = sampler.seed, epoch, len(sampler._shard)
    if key not in ORDERS:
        ORDERS[key] = ORDER_IN_SHARDS(sampler, epoch)
    return ORDERS[key]


@dataclass
class Epoch:
    """What all processes together take of an epoch.

    Attributes:
        shares: The smallest and the largest number of images of a process.
        steps: Likewise of its batches; a job hangs where they differ.
        never: Images that no process takes.
        twice: Images that are taken more than once.
        differs: Processes whose batches differ when the epoch is resumed in its middle.
        again: Images that are taken again when it is resumed by ``others`` processes.
        missed: Images that are not taken then.
    """

    shares: tuple[int, int]
    steps: tuple[int, int]
    never: int
    twice: int
    differs: int
    again: int
    missed: int


@mock.patch("torch.randperm", randperm_once)
@mock.patch.object(ShardSampler, "order", order_once)
def epoch_of(kind: Any, size: int, ranks: int, others: int, batch: int, round_up: bool) -> Epoch:
    """Go through an epoch in all processes, resume it in the middle, also with other processes."""
    data = Nothing(size)
    taken = np.zeros(size, dtype=np.int32)
    begun = np.zeros(size, dtype=np.int32)
    shares, steps, differs = [], [], 0
    middle = math.ceil(size / ranks / batch) // 2
    state = None
    for rank in range(ranks):
        loader = loader_of(kind, data, rank, ranks, batch, round_up)
        loader.begin(epoch=1)
        whole = list(batches(loader))
        loader.begin(epoch=1, batches=middle)
        state = loader.state_dict()
        resumed = loader_of(kind, data, rank, ranks, batch, round_up)
        resumed.load_state_dict(state)
        differs += list(batches(resumed)) != whole[middle:]
        indices = np.fromiter(itertools.chain(*whole), dtype=np.int64)
        np.add.at(taken, indices, 1)
        np.add.at(begun, indices[: middle * batch], 1)
        shares.append(len(indices))
        steps.append(len(whole))
    continued = begun.copy()
    for rank in range(others):
        resumed = loader_of(kind, data, rank, others, batch, round_up)
        resumed.load_state_dict(state)
        indices = np.fromiter(itertools.chain(*batches(resumed)), dtype=np.int64)
        np.add.at(continued, indices, 1)
    return Epoch(
        shares=(min(shares), max(shares)),
        steps=(min(steps), max(steps)),
        never=int((taken == 0).sum()),
        twice=int((taken > 1).sum()),
        differs=differs,
        again=int((continued > 1).sum()),
        missed=int((continued == 0).sum()),
    )


def peak() -> float:
    """Return the largest memory in MB since :func:`reset_peak`; Linux."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def reset_peak() -> float:
    """Let the peak be today's memory, without that of the imports, and return it."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def cost_of(kind: Any, ranks: int, size: int, batch: int) -> dict[str, float]:
    """Return CPU seconds and MB that the last process takes for an epoch; in a new process."""
    torch.set_num_threads(1)
    loader = loader_of(kind, Nothing(size), ranks - 1, ranks, batch)
    before, start = reset_peak(), time.process_time()
    order = batches(loader)
    next(order)
    first = time.process_time() - start
    number = 1 + sum(1 for _ in order)
    whole = time.process_time() - start
    return {"first": first, "whole": whole, "memory": peak() - before, "batches": number}


def print_ranks(all_ranks: list[int], size: int, batch: int) -> None:
    """Print both tables."""
    rows, costs = [], []
    for (number, ranks), kind in itertools.product(enumerate(all_ranks), SAMPLERS):
        others = all_ranks[number - 1] if number else all_ranks[-1]
        place = kind.__name__, f"{ranks:,}"
        for rounded in (True, False):
            found = epoch_of(kind, size, ranks, others, batch, round_up=rounded)
            pairs = [sorted({*pair}) for pair in (found.shares, found.steps)]
            between = ["–".join(f"{n:,}" for n in pair) for pair in pairs]
            counts = (found.never, found.twice, found.differs, others, found.missed, found.again)
            rows.append((*place, rounded, *between, *(f"{n:,}" for n in counts)))
        options = (kind.__name__, "--images", size, "--batch-size", batch)
        cost = in_new_process("cost", ranks, *options)
        share = cost["first"] * 1000, cost["whole"], cost["memory"]
        costs.append((*place, f"{share[0]:.0f}", f"{share[1]:.2f}", f"{share[2]:.0f}"))
    print_table(
        (
            *("sampler", "ranks", "round_up", "images of a rank", "batches", "never", "twice"),
            *("ranks that differ when resumed", "resumed by", "missed", "taken again"),
        ),
        rows,
    )
    header = ("first batch, ms", "all batches of a rank, s", "memory, MB")
    print_table(("sampler", "ranks", *header), costs)
