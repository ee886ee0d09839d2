"""Reports the files that a data set with ``on_bad_sample='skip'`` could not use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mmengine.dist import all_gather_object
from mmengine.hooks import Hook

from mmresnet.datasets.bad_samples import exceeds
from mmresnet.errors import UserError
from mmresnet.registry import HOOKS

if TYPE_CHECKING:
    from mmengine.runner import Runner

_MOST_LINES = 10


@HOOKS.register_module()
class BadSamplesHook(Hook):
    """Warn of the files that could not be used, after each epoch of training, validation and test.

    In a training by iterations the files of the training are listed before each validation. The
    log file lists all of them, the terminal the first ten.

    Raises:
        UserError: After an epoch, if the processes of a run together met more bad files than the
            data set's ``max_bad_share`` allows. (Each for itself checks this at every sample.)
    """

    priority = "LOW"

    def __init__(self) -> None:
        self._reported: Counter[int] = Counter()  # events, by the log's id
        self._training = False

    def before_train(self, runner: Runner) -> None:
        """Note that the training set is in use."""
        self._training = True

    def after_train_epoch(self, runner: Runner) -> None:
        """Report on the training set."""
        self._report(runner, runner.train_dataloader, f"Training up to iteration {runner.iter}")

    def before_val_epoch(self, runner: Runner) -> None:
        """Report on the training set, which is read on in a training by iterations."""
        if self._training:
            self.after_train_epoch(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Report on the validation set."""
        self._report(runner, runner.val_dataloader, f"Validation at iteration {runner.iter}")

    def after_test_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Report on the test set."""
        self._report(runner, runner.test_dataloader, "Test")

    def _report(self, runner: Runner, loader: Any, when: str) -> None:
        for dataset in _skipping(loader.dataset):
            own = dataset.bad_samples.events()
            new = own[self._reported[id(dataset.bad_samples)] :]
            self._reported[id(dataset.bad_samples)] = len(own)
            gathered = all_gather_object((new, own))
            events = [event for events, _ in gathered for event in events]
            _warn(runner, dataset, events, when)
            bad = dict(event for _, events in gathered for event in events)
            if too_many := exceeds(bad, len(dataset), dataset.max_bad_share):
                raise UserError(too_many)


def _warn(runner: Runner, dataset: Any, events: list[tuple[str, str]], when: str) -> None:
    if not events:
        return
    times = Counter(events)
    lines = [
        f"  '{path}': {reason}" + (f" ({count} times)" if count > 1 else "")
        for (path, reason), count in sorted(times.items())
    ]
    what = "gray images" if dataset.test_mode else "other images"
    files = "1 file" if len(lines) == 1 else f"{len(lines):,} files"
    # the time as well, since mmengine's logger drops a warning that it has given before
    head = f"{when}: {files} could not be used, and {what} took their place:"
    more = len(lines) - _MOST_LINES
    shown = lines if more <= 0 else [*lines[:_MOST_LINES], f"  and {more:,} more"]
    runner.logger.warning("\n".join([head, *shown]))
    if more > 0:
        runner.logger.info("\n".join([head, *lines]))


def _skipping(dataset: Any) -> Iterator[Any]:
    """Yield the data sets that skip bad samples, out of any wrapper."""
    if getattr(dataset, "bad_samples", None) is not None:
        yield dataset
        return
    inner = getattr(dataset, "datasets", None) or [getattr(dataset, "dataset", None)]
    for one in inner:
        if one is not None:
            yield from _skipping(one)
