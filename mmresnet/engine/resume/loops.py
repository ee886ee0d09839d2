"""mmengine's training loops, continuing from any iteration as if they had not been interrupted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.dist import get_rank
from mmengine.runner import EpochBasedTrainLoop as EngineEpochBasedTrainLoop
from mmengine.runner import IterBasedTrainLoop as EngineIterBasedTrainLoop
from mmengine.runner import Runner

from mmresnet.engine.logical.wrapper import LogicalShards
from mmresnet.engine.prefetch import prefetcher_for
from mmresnet.engine.resume.exactness import noted_inexact_operators
from mmresnet.engine.resume.hook import TrainingStateHook
from mmresnet.engine.resume.loader import ResumableDataLoader
from mmresnet.engine.resume.order import ShardedOrder
from mmresnet.engine.resume.state import restore_random
from mmresnet.engine.watch.wrappers import without_wrapper
from mmresnet.errors import UserError
from mmresnet.registry import LOOPS


@LOOPS.register_module()
class EpochBasedTrainLoop(EngineEpochBasedTrainLoop):
    """mmengine's loop over epochs, from any iteration on.

    ``train_cfg=dict(type='mmresnet.EpochBasedTrainLoop', max_epochs=…)`` is all that a config of
    any Runner needs. Draws of the input pipeline depend on the run's seed, the epoch and the sample
    alone; a run that is killed and resumed has the weights of one that was not.

    Args:
        runner: The Runner.
        dataloader: Of the training; built if it is a dict.
        kwargs: Those of mmengine's loop: max_epochs, val_begin, val_interval, dynamic_intervals.
    """

    def __init__(self, runner: Runner, dataloader: Any, **kwargs: Any) -> None:
        super().__init__(runner, resumable(runner, dataloader), **kwargs)
        self._state = TrainingStateHook.attach(runner)

    def run(self) -> Any:
        """Train, and return the model."""
        self.runner.call_hook("before_train")
        resumed = self._state.resume(self.runner)
        if resumed is None:  # a new run, or a checkpoint of another loop
            done = self._iter - self._epoch * len(self.dataloader)
            self.dataloader.begin(self._epoch, max(0, done))
        elif self.dataloader.epoch != self._epoch:  # saved when an epoch had ended
            self.dataloader.begin(self._epoch)
        if resumed and not self.dataloader.batches:
            restore_random(self.runner, resumed)
            resumed = None
            self._validate()
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch(resumed)
            resumed = None
            self.dataloader.begin(self._epoch)
            self._validate()
        self.runner.call_hook("after_train")
        return self.runner.model

    def run_epoch(self, resumed: Mapping[str, Any] | None = None) -> None:
        """Train for an epoch, or for the rest of one.

        Args:
            resumed: The state of a checkpoint that was saved within this epoch.
        """
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        if resumed is not None:
            restore_random(self.runner, resumed)
        for index, batch in enumerate(self.dataloader.rest(), self.dataloader.batches):
            with noted_inexact_operators(self.runner):
                self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def _validate(self) -> None:
        self._decide_current_val_interval()
        validate_if_due(self, self._state, self._epoch, self._max_epochs)


@LOOPS.register_module()
class IterBasedTrainLoop(EngineIterBasedTrainLoop):
    """mmengine's loop over iterations, from any one on, at once.

    As :class:`EpochBasedTrainLoop`. The sampler's order after the data has been gone through once
    is that of mmengine's loop, without its pause of two seconds.

    Args:
        runner: The Runner.
        dataloader: Of the training; built if it is a dict.
        kwargs: Those of mmengine's loop: max_iters, val_begin, val_interval, dynamic_intervals.
    """

    def __init__(self, runner: Runner, dataloader: Any, **kwargs: Any) -> None:
        super().__init__(runner, resumable(runner, dataloader), **kwargs)
        self._state = TrainingStateHook.attach(runner)

    def run(self) -> Any:
        """Train, and return the model."""
        self.runner.call_hook("before_train")
        self.runner.call_hook("before_train_epoch")
        resumed = self._state.resume(self.runner)
        if resumed:
            restore_random(self.runner, resumed)
        elif self._iter:  # a checkpoint of another loop
            epoch, batches = divmod(self._iter, len(self.dataloader))
            self.dataloader.begin(epoch, batches)
        self.dataloader_iterator = self._batches()
        if resumed:
            self._validate()
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            batch = next(self.dataloader_iterator)
            with noted_inexact_operators(self.runner):
                self.run_iter(batch)
            self._validate()
        self.runner.call_hook("after_train_epoch")
        self.runner.call_hook("after_train")
        return self.runner.model

    def _batches(self) -> Iterator[Any]:
        """Yield batches without end: one pass over the data after another."""
        for epoch in itertools.count(self.dataloader.epoch + 1):
            from_start = self.dataloader.batches == 0
            yield from self.dataloader.rest()
            if from_start and self.dataloader.batches == 0:
                raise UserError("The training set fills no batch: set a smaller batch_size.")
            self.dataloader.begin(epoch)

    def _validate(self) -> None:
        self._decide_current_val_interval()
        validate_if_due(self, self._state, self._iter, self._max_iters)


def validate_if_due(loop: Any, state: TrainingStateHook, done: int, total: int) -> None:
    """Validate after ``done`` of ``total`` epochs or iterations, if it was not done already.

    A checkpoint may have been saved before the validation that follows, or after it.
    """
    due = done >= loop.val_begin and (done % loop.val_interval == 0 or done == total)
    if loop.runner.val_loop is not None and due and state.validated != loop.iter:
        state.before_validation(loop.runner)
        loop.runner.val_loop.run()


def resumable(runner: Runner, dataloader: Any) -> ResumableDataLoader:
    """Return a data loader, built if it is a dict, that continues from any position.

    Raises:
        UserError: The run has logical shards, and a data loader that has been built already.
    """
    randomness = runner._randomness_cfg
    by_rank = randomness.get("diff_rank_seed", False)
    settings = dataloader
    if isinstance(dataloader, dict):
        dataloader = runner.build_dataloader(dataloader, seed=runner.seed, diff_rank_seed=by_rank)
    divided = isinstance(runner.model, LogicalShards)
    prefetched = prefetcher_for(without_wrapper(runner.model), whole_batches=not divided)
    if not divided:
        seed = runner.seed - (get_rank() if by_rank else 0)
        return ResumableDataLoader(dataloader, seed, prefetched=prefetched)
    if not isinstance(settings, dict):
        raise UserError("With logical_shards, train_dataloader is given by its settings.")
    order = ShardedOrder(dataloader.dataset, settings, runner.seed, runner.model.layout)
    if len(order) == 0:
        raise UserError(
            f"A set of {len(dataloader.dataset)} images fills no batch of {order.batch_size} in "
            f"each of {order.world_size} logical shards: set a smaller batch_size."
        )
    return ResumableDataLoader(dataloader, runner.seed, order, prefetched)
