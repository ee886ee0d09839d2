"""The order of the batches of a process, from any position: of one sampler, or one per shard."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import BatchSampler, DataLoader, Sampler

from mmresnet import compat
from mmresnet.engine.logical.batches import InTurn
from mmresnet.engine.logical.layout import Layout
from mmresnet.engine.resume.data_order import OrderedBatchSampler, OrderedSampler
from mmresnet.errors import UserError


class Order:
    """The order of the samples of a loader, without a data set's.

    Args:
        loader: Of which the batch sampler is changed.
        seed: Of torch's samplers, which have none.
        rank: This process, or this shard.
        world_size: The number of processes, or of shards.

    Attributes:
        batch_size: None of a loader that gives samples and no batches.
        batches: Lists of indices; None of such a loader.
        arguments: For a data loader with this order.
    """

    def __init__(self, loader: DataLoader[Any], seed: int, rank: int, world_size: int) -> None:
        order: Any = loader.batch_sampler
        self.world_size = world_size
        self.batch_size = getattr(order, "batch_size", 1)
        self.arguments: dict[str, Any]
        self._ordered: OrderedSampler | None = None
        self._skipper: OrderedSampler | OrderedBatchSampler | None
        sampler: Any = loader.sampler if order is None else getattr(order, "sampler", None)
        if sampler is not None:
            self._ordered = OrderedSampler(sampler, seed, rank, world_size)
        if order is not None and self._ordered is not None:
            order.sampler = self._ordered
        self.batches: Any = order
        if order is None or type(order) is BatchSampler:
            self._skipper = self._ordered
            self.arguments = dict(
                sampler=self._ordered,
                batch_size=getattr(order, "batch_size", None),
                drop_last=getattr(order, "drop_last", False),
            )
        else:
            self.batches = self._skipper = OrderedBatchSampler(order)
            self.arguments = dict(batch_sampler=self._skipper)

    def begin(self, epoch: int, skipped: int) -> None:
        """Let the next pass be that of ``epoch``, without its first batches."""
        if self._ordered is not None:
            self._ordered.epoch = epoch
            if hasattr(self._ordered.sampler, "set_epoch"):
                self._ordered.sampler.set_epoch(epoch)
        if self._skipper is not None:
            by_sample = self._skipper is self._ordered
            self._skipper.start = skipped * self.batch_size if by_sample else skipped

    @property
    def sampler_seed(self) -> Any:
        """The seed of the sampler; None if it has none."""
        return getattr(self._ordered.sampler, "seed", None) if self._ordered else None

    def reseed(self, seed: int, sampler_seed: int | None) -> None:
        """Order by other seeds from now on."""
        if self._ordered is not None:
            self._ordered.seed = seed
            if sampler_seed is not None and self.sampler_seed is not None:
                self._ordered.sampler.seed = sampler_seed


class ShardedOrder(Sampler[list[int]]):
    """The orders of the shards of a process: each batch has one of each shard, one after the other.

    A shard takes images as one of as many processes as there are shards would.

    Args:
        dataset: To be sampled.
        settings: Of the data loader, as in a config; its batch size is that of a shard.
        seed: Of the samplers.
        layout: Of the shards.
    """

    def __init__(
        self, dataset: Any, settings: Mapping[str, Any], seed: int, layout: Layout
    ) -> None:
        self.world_size, self.batch_size = layout.shards, settings["batch_size"]
        loaders = [_loader_of(shard, dataset, settings, seed, layout) for shard in layout.own]
        self._orders = [
            Order(loader, seed, shard, layout.shards)
            for shard, loader in zip(layout.own, loaders, strict=True)
        ]
        self._batches = [order.batches for order in self._orders]
        self.sampler = self._batches[0].sampler  # where mmengine's hook sets an epoch, as we do
        self.arguments: dict[str, Any] = dict(batch_sampler=self)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield lists of indices."""
        for of_shards in zip(*self._batches, strict=True):
            yield list(itertools.chain(*of_shards))

    def __len__(self) -> int:
        """Return the batches of a whole pass."""
        return len(self._batches[0])

    def begin(self, epoch: int, skipped: int) -> None:
        """Let the next pass be that of ``epoch``, without its first batches."""
        for order in self._orders:
            order.begin(epoch, skipped)

    @property
    def sampler_seed(self) -> Any:
        """The seed of the samplers; None if they have none."""
        return self._orders[0].sampler_seed

    def reseed(self, seed: int, sampler_seed: int | None) -> None:
        """Order by other seeds from now on."""
        for order in self._orders:
            order.reseed(seed, sampler_seed)


def _loader_of(
    shard: int, dataset: Any, settings: Mapping[str, Any], seed: int, layout: Layout
) -> DataLoader[Any]:
    """Return a loader with the samplers that mmengine builds, for a shard."""
    of_batches, size = settings.get("batch_sampler"), settings["batch_size"]
    sampler = sampler_of(shard, dataset, settings, seed, layout)
    if of_batches:
        defaults = dict(sampler=sampler, batch_size=size)
        batches = DATA_SAMPLERS.build(of_batches, default_args=defaults)
    else:
        batches = BatchSampler(sampler, size, settings.get("drop_last", False))
    return DataLoader(dataset, batch_sampler=batches)


def sampler_of(
    shard: int, dataset: Any, settings: Mapping[str, Any], seed: int, layout: Layout
) -> Any:
    """Return the sampler of a shard; see :class:`ShardedOrder`."""
    with compat.SAMPLERS.apply(shard, layout.shards):
        return DATA_SAMPLERS.build(
            settings["sampler"], default_args=dict(dataset=dataset, seed=seed)
        )


def cut_validation(loader: DataLoader[Any], settings: Any, seed: int, layout: Layout) -> Any:
    """Return a loader of a validation whose batches have those of a process's shards, in turn.

    A process has each ``layout.processes``-th image, as mmengine collects results, and so each of
    its shards has each ``layout.shards``-th.

    Args:
        loader: As mmengine has built it.
        settings: Of the loader, as in a config.
        seed: Of the samplers.
        layout: Of the shards.

    Raises:
        UserError: ``settings`` are no settings, or have a batch sampler.
    """
    if not isinstance(settings, Mapping) or settings.get("batch_sampler"):
        raise UserError(
            "With logical_shards, val_dataloader is given by its settings, without a batch_sampler."
        )
    shards = range(layout.rank, layout.shards, layout.processes)
    samplers = [sampler_of(one, loader.dataset, settings, seed, layout) for one in shards]
    return DataLoader(
        loader.dataset,
        batch_size=len(shards) * settings["batch_size"],
        sampler=InTurn(samplers),
        **kept(loader),
    )


def kept(loader: DataLoader[Any]) -> dict[str, Any]:
    """Return how a data loader loads, as arguments for another one."""
    return dict(
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator or torch.Generator(),
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
        pin_memory_device=loader.pin_memory_device,
    )
