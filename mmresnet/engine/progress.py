"""A progress bar with the time left in a terminal. Log files have mmengine's lines only."""

from __future__ import annotations

import logging
import sys
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from mmresnet.registry import HOOKS


def columns() -> tuple[ProgressColumn, ...]:
    """Return the columns of all progress bars: what, the bar, how many, the time left."""
    return (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("time left"),
        TimeRemainingColumn(),
    )


@HOOKS.register_module()
class ProgressHook(Hook):
    """Show a bar of the iterations done and the time left, below the lines of the log.

    Nothing is shown if standard output is not a terminal, nor in any process but the first.
    """

    priority = "LOWEST"

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._tasks: dict[str, Any] = {}
        self._redirected: list[tuple[logging.StreamHandler[Any], Any]] = []

    def before_train(self, runner: Runner) -> None:
        self._show(runner, "train", runner.max_iters, runner.iter)

    def before_val_epoch(self, runner: Runner) -> None:
        self._show(runner, "val", len(runner.val_dataloader))

    def before_test_epoch(self, runner: Runner) -> None:
        self._show(runner, "test", len(runner.test_dataloader))

    def after_train_iter(self, runner: Runner, batch_idx: int, *args: Any, **kwargs: Any) -> None:
        self._advance("train", runner.iter + 1)

    def after_val_iter(self, runner: Runner, batch_idx: int, *args: Any, **kwargs: Any) -> None:
        self._advance("val", batch_idx + 1)

    def after_test_iter(self, runner: Runner, batch_idx: int, *args: Any, **kwargs: Any) -> None:
        self._advance("test", batch_idx + 1)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        if self._progress is not None and "val" in self._tasks:
            self._progress.remove_task(self._tasks.pop("val"))

    def after_train(self, runner: Runner) -> None:
        self.close()

    def after_run(self, runner: Runner) -> None:
        self.close()

    def close(self) -> None:
        """Stop the bar and restore the log's streams; calling it again does nothing."""
        if self._progress is not None:
            self._progress.stop()
            for handler, stream in self._redirected:
                handler.setStream(stream)
            self._progress, self._tasks, self._redirected = None, {}, []

    def _show(self, runner: Runner, name: str, total: int, done: int = 0) -> None:
        if self._progress is None:
            if not (is_main_process() and sys.stdout.isatty()):
                return
            self._progress = self._start(runner)
        self._tasks[name] = self._progress.add_task(name, total=total, completed=done)

    def _start(self, runner: Runner) -> Progress:
        terminal = sys.stdout
        progress = Progress(*columns())
        progress.start()
        # The log wrote to the terminal directly; through rich its lines appear above the bar.
        for handler in runner.logger.handlers:
            if getattr(handler, "stream", None) is terminal:
                self._redirected.append((handler, handler.setStream(sys.stdout)))
        return progress

    def _advance(self, name: str, done: int) -> None:
        if self._progress is not None and name in self._tasks:
            self._progress.update(self._tasks[name], completed=done)
