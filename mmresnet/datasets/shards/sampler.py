"""An order of images in shards for which a few shards at a time suffice."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmresnet.datasets.shards.cache import LIMIT
from mmresnet.datasets.shards.shard_set import ShardSet
from mmresnet.errors import UserError
from mmresnet.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ShardSampler(Sampler[int]):
    """Each image once in an epoch, from few shards at a time, in the place of ``DefaultSampler``.

    The shards are shuffled, and the images in each; the sequence of these is cut into ``streams``
    of equal length, whose images alternate. So as many shards as there are streams are in use at
    any time, and each is done with before the next. The order depends on seed and epoch alone, not
    on the number of processes: of W, process r takes every W-th image from the r-th on. Where W and
    ``streams`` divide each other, a process reads the shards of its own streams alone.

    Args:
        dataset: A data set of images in shards: ``mmresnet.CustomDataset``, ``mmresnet.ImageNet``
            or ``mmresnet.CocoDataset``.
        shuffle: False takes all images in the order of the shards.
        seed: The same in all processes; None draws one.
        round_up: Some images twice, so that every process has as many.
        streams: Images of as many shards are near each other; a power of two as large as the
            number of processes will ever be, or larger.

    Raises:
        UserError: The images are not in shards, or ``MMRESNET_SHARDS_CACHE_LIMIT`` is too small
            for the shards in use.
    """

    def __init__(
        self,
        dataset: Any,
        shuffle: bool = True,
        seed: int | None = None,
        round_up: bool = True,
        streams: int = 64,
    ) -> None:
        self.rank, self.world_size = get_dist_info()
        self.shuffle, self.round_up, self.streams = shuffle, round_up, streams
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        shards, rows = _images_of(dataset)
        columns = shards.index.columns
        self._shard, self._place = columns["shard"][rows], columns["offset"][rows]
        self._check_cache(shards)
        self.total = len(rows)
        if round_up:
            self.total = math.ceil(self.total / self.world_size) * self.world_size

    def _check_cache(self, shards: ShardSet) -> None:
        """Check that the shards in use fit into the cache, or each would be fetched many times."""
        limit = shards.cache and shards.cache.limit
        if not limit:
            return
        used = np.unique(self._shard).tolist()
        largest = max(shards.index.shards[number].size for number in used)
        local = int(os.environ.get("LOCAL_WORLD_SIZE", self.world_size))
        # of logical shards, a process has several
        local *= max(1, self.world_size // int(os.environ.get("WORLD_SIZE", self.world_size)))
        common = math.gcd(self.world_size, self.streams)  # ranks that share the streams
        streams = min(local, common) * (self.streams // common) if self.shuffle else 1
        # and those that begin while others end
        needed = largest * min(len(used), streams + max(2, streams // 4))
        if limit < needed:
            raise UserError(
                f"{LIMIT}={os.environ[LIMIT]} holds too few of the {len(used)} shards at "
                f"'{shards.root}': {streams} streams on this machine need "
                f"{needed / 1e6:,.2f} MB. Raise it, or set fewer streams of the sampler."
            )

    def __iter__(self) -> Iterator[int]:
        """Yield the indices of this process in the present epoch."""
        order = self.order(self.epoch)
        if self.round_up:
            order = np.resize(order, self.total)
        return iter(order[self.rank :: self.world_size].tolist())

    def order(self, epoch: int) -> np.ndarray:
        """Return the indices of all processes, int64 (images,)."""
        if not self.shuffle:
            return np.lexsort((self._place, self._shard))
        generator = np.random.default_rng((self.seed, epoch))
        shards = int(self._shard.max(initial=-1)) + 1
        turns = generator.permutation(shards)
        turns = turns.astype(np.min_scalar_type(shards))  # 16 bits are sorted 7 times as fast
        in_shard = generator.permutation(len(self._shard))
        sequence = in_shard[np.argsort(turns[self._shard[in_shard]], kind="stable")]
        parts = np.array_split(sequence, self.streams)  # the first ones may have one more
        order = np.empty(len(sequence), np.int64)
        for number, part in enumerate(parts):
            order[number :: self.streams] = part
        return order

    def __len__(self) -> int:
        """Return the number of indices of this process."""
        return math.ceil((self.total - self.rank) / self.world_size)

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be of ``epoch``."""
        self.epoch = epoch


def _images_of(dataset: Any) -> tuple[ShardSet, np.ndarray]:
    """Return the shards of a data set, and the row in their index of each of its images.

    Raises:
        UserError: They are not in shards.
    """
    rows_in_shards = getattr(dataset, "rows_in_shards", None)
    found = rows_in_shards and rows_in_shards()
    if not found:
        raise UserError(
            f"mmresnet.ShardSampler is for mmresnet's data sets whose data_root holds shards, and "
            f"this {type(dataset).__name__} is none: leave the sampler at DefaultSampler."
        )
    return found
