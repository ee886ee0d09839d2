"""The hook that lets the processes of a training watch over one another."""

from __future__ import annotations

import functools
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmengine.dist import all_gather_object, get_dist_info
from mmengine.hooks import Hook

from mmresnet.engine.nodes.data_version import describe
from mmresnet.engine.nodes.heartbeats import Heartbeats
from mmresnet.engine.nodes.position import Position
from mmresnet.engine.nodes.start import find_other
from mmresnet.engine.watch.wrappers import optim_wrappers, without_wrapper
from mmresnet.errors import UserError, UserValueError
from mmresnet.registry import HOOKS

if TYPE_CHECKING:
    from mmengine.runner import Runner

_LAST = 2**30  # beyond the batches of a validation


@HOOKS.register_module()
class ProcessesHook(Hook):
    """Names a process that hangs, is slow, or has other data than the others.

    Each process sends where it stands every five seconds. If the others wait for one in which
    nothing happens, a message names it and where it stands, and all processes end, which
    ``--max-restarts`` starts again. One that is slower than the others at each step is a warning.

    Args:
        timeout: Seconds in which nothing happens in a process, within an iteration: no event of
            the training, and next to no computing; or in which nothing is heard of it.
        patience: Seconds in any case, as for a validation's metrics in one process.

    Raises:
        UserError: By the training: the data of a process are others than those of the first one;
            ``timeout`` or ``patience`` is no positive number.
    """

    priority = "VERY_LOW"  # after the hooks in which a process may wait

    def __init__(self, timeout: float = 45.0, patience: float = 1800.0) -> None:
        for name, value in (("timeout", timeout), ("patience", patience)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise UserValueError(
                    f"ProcessesHook: {name} takes a number of seconds, not {value!r}."
                )
        self._timeout, self._patience = timeout, patience
        self._heartbeats: Heartbeats | None = None
        self._position = Position(0)
        self._handles: list[Any] = []
        self._begun = 0.0  # the own work of the step that is under way

    def before_train(self, runner: Runner) -> None:
        """Compare the data, and begin to watch."""
        rank, size = get_dist_info()
        if size == 1:
            return
        check_same_data(runner)
        self._position = Position(rank)
        folder = Path(runner.work_dir, runner.timestamp, "processes")
        self._heartbeats = Heartbeats(
            self._position, folder, self._timeout, self._patience, runner.logger.warning
        )
        self._heartbeats.start()
        parameters = [p for p in without_wrapper(runner.model).parameters() if p.requires_grad]
        done = functools.partial(self._has_gradients, runner)
        self._handles = [parameters[0].register_post_accumulate_grad_hook(done)]
        steps = functools.partial(self._steps, runner)
        for _, wrapper in optim_wrappers(runner.optim_wrapper):
            self._handles.append(wrapper.optimizer.register_step_pre_hook(steps))

    def before_train_epoch(self, runner: Runner) -> None:
        """Note that the first batch is loaded."""
        self._loads(runner.iter, brisk=False, number=_LAST)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Note that the batch is there."""
        self._position.enter((runner.iter, 2, 0), f"in iteration {runner.iter + 1}, computing")

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Note that the next batch is loaded."""
        self._loads(runner.iter + 1, brisk=True)

    def after_train_epoch(self, runner: Runner) -> None:
        """Note that the epoch has ended."""
        self._position.enter((runner.iter, 1, 1), f"after iteration {runner.iter}", brisk=False)

    def before_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Note that a batch of the validation is there."""
        place = f"in the validation, computing batch {batch_idx + 1}"
        self._position.enter((runner.iter, 1, 2 * batch_idx + 2), place)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Note that the next one is loaded, or the metrics are computed."""
        place = f"in the validation, after batch {batch_idx + 1}"
        self._position.enter((runner.iter, 1, 2 * batch_idx + 3), place, brisk=False)

    def after_train(self, runner: Runner) -> None:
        """Watch no longer."""
        self.close()

    def close(self) -> None:
        """Watch no longer; calling it again does nothing."""
        if self._heartbeats is not None:
            self._heartbeats.close()
            self._heartbeats = None
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _loads(self, done: int, brisk: bool, number: int = 0) -> None:
        place = f"before iteration {done + 1}, loading images or in a hook"
        self._begun = self._position.enter((done, 1, number), place, brisk)

    def _has_gradients(self, runner: Runner, parameter: Any) -> None:
        place = f"in iteration {runner.iter + 1}, waiting for the others' gradients"
        self._position.own += time.monotonic() - self._begun
        self._position.steps += 1
        self._begun = self._position.enter((runner.iter, 3, 0), place, waits=True)

    def _steps(self, runner: Runner, *_: Any) -> None:
        place = f"after the gradients of iteration {runner.iter + 1}"
        self._position.enter((runner.iter, 4, 0), place, brisk=False)


def check_same_data(runner: Runner) -> None:
    """Check that all processes train on the same data; they all call this.

    Raises:
        UserError: They do not; in all processes.
    """
    loader = runner.train_dataloader
    dataset: Any = runner.train_loop.dataloader.dataset if loader is None else loader.dataset
    other = find_other(describe(dataset, runner.cfg.get("data_root")), all_gather_object)
    if other is not None:
        place, differences = other
        raise UserError(
            f"{place} has other training data than the first process: {differences}. Copy them "
            f"anew. (This is {platform.node()}.)"
        )
