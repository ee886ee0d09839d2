"""Random draws of the input pipeline that depend on the sample, not on who loads it and when."""

from __future__ import annotations

import hashlib
import itertools
import operator
import random
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler, get_worker_info

from mmresnet.datasets.current_sample import Sample, loading
from mmresnet.engine.resume.shares import rest_of_share

_NUMPYS = np.random.MT19937()  # behind numpy.random while a sample is loaded


@dataclass(frozen=True)
class _Generator:
    """A global random generator: what seeds it, returns its state, compares states."""

    seed: Callable[[int], object]
    state: Callable[[], Any]
    differ: Callable[[Any, Any], bool]


_GENERATORS = (
    _Generator(random.seed, random.getstate, operator.ne),
    _Generator(
        np.random.seed,
        lambda: np.random.get_state(legacy=True),
        lambda a, b: a[2:] != b[2:] or not np.array_equal(a[1], b[1]),
    ),
    _Generator(
        torch.default_generator.manual_seed,
        torch.default_generator.get_state,
        lambda a, b: not torch.equal(a, b),
    ),
)


class SampleIndex(int):
    """An index into a data set that knows where it stands in the order of a training.

    The sampler runs in the main process, and its indices travel to the workers. So they bring
    along what a worker that outlives an epoch could not know.

    Attributes:
        epoch: The pass over the data, from 0.
        position: The place in the order of all processes, from 0. It tells the repetitions of an
            image apart, as repeated augmentation and endless samplers have them.
    """

    epoch: int
    position: int

    def __new__(cls, index: int, epoch: int, position: int) -> SampleIndex:
        """Return ``index`` with its place."""
        self = super().__new__(cls, index)
        self.epoch, self.position = epoch, position
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the place when an index is sent to another process."""
        return SampleIndex, (int(self), self.epoch, self.position)


class OrderedSampler(Sampler[int]):
    """A sampler whose indices carry their epoch and position, and that can begin midway.

    Process r of W takes every W-th image of the common order, beginning with the r-th, as
    mmengine's samplers distribute them. Other attributes are those of ``sampler``.

    Attributes:
        epoch: Of the next pass.
        start: Samples of this process that the next pass leaves out. No image is loaded for it.
    """

    def __init__(self, sampler: Any, seed: int, rank: int, world_size: int) -> None:
        self.sampler = sampler
        self.seed, self.rank, self.world_size = seed, rank, world_size
        self.epoch = self.start = 0

    def __iter__(self) -> Iterator[Any]:
        """Yield indices; those that are not numbers are passed on as they are."""
        if hasattr(self.sampler, "generator"):  # torch's samplers; they draw from the global one
            generator = torch.Generator()
            generator.manual_seed(_words(self.seed, self.epoch)[0])
            self.sampler.generator = generator
        indices = rest_of_share(self.sampler, self.start)
        for number, index in enumerate(indices, self.start):
            yield place(index, self.epoch, number * self.world_size + self.rank)

    def __len__(self) -> int:
        """Return the samples of a whole pass."""
        return len(self.sampler)

    def __getattr__(self, name: str) -> Any:
        """Return what the sampler has under this name."""
        if name == "sampler" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.sampler, name)


class OrderedBatchSampler(Sampler[list[int]]):
    """A batch sampler that forms batches by other rules than torch's, and can begin midway.

    It forms the batches that are left out as well, since which images the next ones hold may
    depend on them (mmdet's ``AspectRatioBatchSampler``).

    Attributes:
        start: Batches that the next pass leaves out.
    """

    def __init__(self, batch_sampler: Any) -> None:
        self.batch_sampler = batch_sampler
        self.start = 0

    def __iter__(self) -> Iterator[list[int]]:
        """Yield lists of indices."""
        return itertools.islice(iter(self.batch_sampler), self.start, None)

    def __len__(self) -> int:
        """Return the batches of a whole pass."""
        return len(self.batch_sampler)

    def __getattr__(self, name: str) -> Any:
        """Return what the batch sampler has under this name."""
        if name == "batch_sampler" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.batch_sampler, name)


class SeededDataset(Dataset[Any]):
    """A data set that draws the same random numbers for a sample wherever it is loaded.

    Python's, NumPy's and torch's generators are seeded from the run's seed and the sample's index,
    epoch and position while it is loaded, and are as before afterwards. Transforms get the epoch
    from :func:`mmresnet.datasets.current_sample.current_sample`. Other attributes are those of
    ``dataset``, and are also set there.

    Seeding takes longer than the steps of small images. So in the main process, where the training
    waits for it, only those generators are seeded that the data set has drawn from: when a batch
    draws from a further one, it is loaded again.
    """

    _seeded: Any
    _seed: int
    _drawn: tuple[_Generator, ...]

    def __init__(self, dataset: Any, seed: int) -> None:
        self.__dict__.update(_seeded=dataset, _seed=seed, _drawn=())

    def reseed(self, seed: int) -> None:
        """Draw from another seed from now on."""
        self.__dict__["_seed"] = seed

    def __getitem__(self, index: Any) -> Any:
        """Return a sample; an index without a place is loaded without seeding."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        """Return the samples of a batch, as torch's loaders ask for them."""
        if not all(isinstance(index, SampleIndex) for index in indices):
            return [self._seeded[index] for index in indices]
        if get_worker_info() is not None:  # where nobody else draws, and the training does not wait
            return self._load(indices, _GENERATORS)
        with _generators_set_aside():
            while True:
                others = [one for one in _GENERATORS if one not in self._drawn]
                before = [one.state() for one in others]
                batch = self._load(indices, self._drawn)
                after = [one.state() for one in others]
                drawn = [
                    one
                    for one, *states in zip(others, before, after, strict=True)
                    if one.differ(*states)
                ]
                if not drawn:
                    return batch
                self.__dict__["_drawn"] = (*self._drawn, *drawn)

    def _load(self, indices: list[SampleIndex], generators: tuple[_Generator, ...]) -> list[Any]:
        # Hashed ahead, and one loop without calls: between two images nothing of this is in the
        # processor's caches, and takes several times as long.
        seed, dataset, batch = self._seed, self._seeded, []
        samples = [Sample(seed, one.epoch, int(one)) for one in indices]
        words = [_words(seed, one.epoch, int(one), one.position) for one in indices]
        seeds = [(one.seed, number) for number, one in enumerate(_GENERATORS) if one in generators]
        with loading() as set_current:
            for sample, of_sample in zip(samples, words, strict=True):
                set_current(sample)
                for seed_by, number in seeds:
                    seed_by(of_sample[number])
                batch.append(dataset[sample.index])
        return batch

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._seeded)

    def __getattr__(self, name: str) -> Any:
        """Return what the data set has under this name."""
        if name in ("_seeded", "_seed", "_drawn") or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._seeded, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute of the data set, as hooks do that switch the pipeline."""
        setattr(self._seeded, name, value)


@contextmanager
def _generators_set_aside() -> Iterator[None]:
    """Let the generators be as before afterwards."""
    python, torchs = random.getstate(), torch.default_generator.get_state()
    # swapped, since copying its state takes longer than all the rest
    numpys = np.random.get_bit_generator()  # type: ignore[attr-defined]
    np.random.set_bit_generator(_NUMPYS)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        np.random.set_bit_generator(numpys)  # type: ignore[attr-defined]
        random.setstate(python)
        torch.default_generator.set_state(torchs)


def place(index: Any, epoch: int, position: int) -> Any:
    """Return an index with its place; unchanged if it is not a number (a pair, in tracking)."""
    try:
        return SampleIndex(operator.index(index), epoch, position)
    except TypeError:
        return index


def _words(*key: int) -> tuple[int, int, int]:
    """Return the seeds of Python, NumPy (32 bits) and torch, a hash of the key."""
    digest = hashlib.blake2b(struct.pack(f"<{len(key)}Q", *key), digest_size=24).digest()
    python, numpys, torchs = struct.unpack("<3Q", digest)
    return python, numpys & 0xFFFFFFFF, torchs
