"""Random draws of the input pipeline that depend on the sample, not on who loads it and when."""

from __future__ import annotations

import hashlib
import itertools
import operator
import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler, get_worker_info

from mmresnet.datasets.current_sample import Sample, loading

_NUMPYS = np.random.MT19937()  # behind numpy.random while a sample is loaded


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
        indices = itertools.islice(iter(self.sampler), self.start, None)
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
    """

    _seeded: Any
    _seed: int

    def __init__(self, dataset: Any, seed: int) -> None:
        self.__dict__.update(_seeded=dataset, _seed=seed)

    def reseed(self, seed: int) -> None:
        """Draw from another seed from now on."""
        self.__dict__["_seed"] = seed

    def __getitem__(self, index: Any) -> Any:
        """Return a sample; an index without a place is loaded without seeding."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        """Return the samples of a batch, as torch's loaders ask for them."""
        # Hashed ahead, and one loop without calls: between two images nothing of this is in the
        # processor's caches, and takes several times as long.
        places = [self._place(index) for index in indices]
        dataset, batch = self._seeded, []
        own_process = get_worker_info() is not None  # in a worker nobody else draws
        unseeded = all(sample is None for sample, _ in places)
        aside = nullcontext() if own_process or unseeded else _generators_set_aside()
        with aside, loading() as set_current:
            for index, (sample, words) in zip(indices, places, strict=True):
                set_current(sample)
                if sample is None:
                    batch.append(dataset[index])
                    continue
                random.seed(words[0])
                np.random.seed(words[1] & 0xFFFFFFFF)
                torch.default_generator.manual_seed(words[2])
                batch.append(dataset[sample.index])
        return batch

    def _place(self, index: Any) -> tuple[Sample | None, tuple[int, ...]]:
        """Return the sample that an index stands for, and its seeds."""
        if not isinstance(index, SampleIndex):
            return None, ()
        sample = Sample(self._seed, index.epoch, int(index))
        return sample, _words(self._seed, index.epoch, int(index), index.position)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._seeded)

    def __getattr__(self, name: str) -> Any:
        """Return what the data set has under this name."""
        if name in ("_seeded", "_seed") or name.startswith("__"):
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


def _words(*key: int) -> tuple[int, ...]:
    """Return three numbers of 64 bits, a hash of the key."""
    digest = hashlib.blake2b(struct.pack(f"<{len(key)}Q", *key), digest_size=24).digest()
    return struct.unpack("<3Q", digest)
