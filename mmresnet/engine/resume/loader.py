"""A data loader that knows its position, and continues from one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mmengine.dist import get_dist_info
from torch.utils.data import DataLoader, IterableDataset

from mmresnet.engine.resume.data_order import SeededDataset
from mmresnet.engine.resume.order import Order, ShardedOrder, kept


class ResumableDataLoader(DataLoader[Any]):
    """The batches of ``loader``, with draws that depend on the sample, and from any position on.

    The same batches come for any number of workers. An iterator begins to work when its first
    batch is asked for. Creating one draws nothing from torch's global generator. The training takes
    its batches from :meth:`rest`. Whoever else iterates, as mmpretrain's ``PreciseBNHook``, gets
    all of the present epoch, and leaves the position unchanged.

    Args:
        loader: Is not to be used any more, since its batch sampler is changed.
        seed: Of the draws; a non-negative integer, the same in all processes.
        order: Of logical shards, in place of that of the loader.
        prefetched: Hands out batches of :meth:`rest`, and may read one ahead to do so.

    Attributes:
        epoch: The pass over the data that is running, or begins next.
        batches: How many of its batches have been given.
    """

    def __init__(
        self,
        loader: DataLoader[Any],
        seed: int,
        order: ShardedOrder | None = None,
        prefetched: Callable[[Iterator[Any]], Iterator[Any]] = iter,
    ) -> None:
        self.seed = seed
        self._prefetched = prefetched
        self.epoch = self.batches = 0
        self._order: Order | ShardedOrder | None = order
        dataset: Any = loader.dataset
        own: Mapping[str, Any]
        if isinstance(dataset, IterableDataset):  # has no indices
            own = dict(batch_size=loader.batch_size, drop_last=loader.drop_last)
        else:
            dataset = SeededDataset(dataset, seed)
            if self._order is None:
                self._order = Order(loader, seed, *get_dist_info())
            own = self._order.arguments
        super().__init__(dataset, **kept(loader), **own)

    def begin(self, epoch: int, batches: int = 0) -> None:
        """Let the next iteration be of ``epoch``, without its first ``batches``."""
        self.epoch, self.batches = epoch, batches

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Yield all batches of the present epoch."""
        return self._from(0)

    def rest(self) -> Iterator[Any]:
        """Yield the batches from the present position to the end of the epoch, and count them."""
        for batch in self._prefetched(self._from(self.batches)):
            self.batches += 1
            yield batch

    def _from(self, skipped: int) -> Iterator[Any]:
        if self._order is not None:
            self._order.begin(self.epoch, skipped)
            skipped = 0
        yield from itertools.islice(super().__iter__(), skipped, None)

    def state_dict(self) -> dict[str, Any]:
        """Return the seeds and the position, also as images of the order of all processes."""
        world_size, batch_size = self._size()
        state = {
            "seed": self.seed,
            "epoch": self.epoch,
            "batches": self.batches,
            "world_size": world_size,
            "batch_size": batch_size,
        }
        if self._order is not None and isinstance(self._order.sampler_seed, int):
            state["sampler_seed"] = self._order.sampler_seed
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> str | None:
        """Continue at a position; return what to tell the user if the batches are others now.

        With another number of processes or another batch size, the next image of the common order
        comes next, or one of the last before it if the number of images done is not a multiple of
        today's batches.
        """
        self.seed = state["seed"]
        if isinstance(self.dataset, SeededDataset):
            self.dataset.reseed(self.seed)
        if self._order is not None:
            self._order.reseed(self.seed, state.get("sampler_seed"))
        before = state["world_size"], state["batch_size"]
        now = self._size()
        if before == now or not all(isinstance(n, int) for n in (before[1], now[1])):
            self.begin(state["epoch"], state["batches"])
            return None
        images = state["batches"] * before[0] * before[1]
        self.begin(state["epoch"], images // (now[0] * now[1]))
        return (
            f"the checkpoint is of {before[0]} × {before[1]} images per step, this run has "
            f"{now[0]} × {now[1]}: it continues in the same order at image "
            f"{self.batches * now[0] * now[1]:,} of epoch {self.epoch + 1}"
            + (f", {images:,} were done." if images % (now[0] * now[1]) else ".")
        )

    def _size(self) -> tuple[int, Any]:
        """Return the number of processes, or of logical shards, and the batch size of each."""
        if self._order is None:
            return get_dist_info()[1], self.batch_size
        return self._order.world_size, self._order.batch_size
