"""The lines about a run that the terminal shows: the header, one an epoch, the best checkpoint."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmresnet.config.preflight.learning_rate import batches_per_step
from mmresnet.engine.header import header_of_test, header_of_training
from mmresnet.engine.terminal import announce
from mmresnet.registry import HOOKS

_MOST_METRICS = 4


@HOOKS.register_module()
class TerminalHook(Hook):
    """Announce what is run, and how far it is.

    After each epoch, and in a training by iterations after each ``val_interval``, a line gives the
    mean loss since the last line, the metrics if there was a validation, the speed of the training
    iterations, and the time left, at the pace of this run with its validations.
    """

    priority = "LOW"  # after LoggerHook

    def __init__(self) -> None:
        self._started: tuple[int, float] | None = None  # iteration, time
        self._reported = 0  # iterations up to the last line

    def before_train(self, runner: Runner) -> None:
        """Announce the training."""
        announce(runner.logger, header_of_training(runner))
        self._started, self._reported = (runner.iter, time.monotonic()), runner.iter

    def before_test(self, runner: Runner) -> None:
        """Announce the test."""
        announce(runner.logger, header_of_test(runner))

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Report an epoch that was not validated, when the next one begins."""
        if runner.iter - self._reported >= _interval(runner):
            self._report(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Report an epoch that was validated."""
        self._report(runner, metrics)

    def after_train(self, runner: Runner) -> None:
        """Report the last epoch if it was not validated."""
        self._report(runner)

    def after_run(self, runner: Runner) -> None:
        """Announce the best checkpoint."""
        best = runner.message_hub.get_info("best_ckpt")
        if best is not None:
            path = Path(runner.cfg.work_dir, Path(best).name)
            score = runner.message_hub.get_info("best_score")
            announce(runner.logger, f"Best checkpoint: {path} ({score:.4f})")

    def _report(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        done = runner.iter - self._reported
        if self._started is None or done == 0:  # a validation without training
            return
        self._reported = runner.iter
        parts = [_position(runner)]
        scalars = runner.message_hub.log_scalars
        if "train/loss" in scalars:
            parts.append(f"loss {scalars['train/loss'].mean(done):.4f}")
        parts += [f"{name} {value:.4f}" for name, value in _main_metrics(metrics or {}).items()]
        if "train/time" in scalars:  # by IterTimerHook
            batches = batches_per_step(runner.cfg, get_world_size())
            images = runner.cfg.train_dataloader.batch_size * batches
            speed = images / scalars["train/time"].mean(done)
            parts.append(f"{speed:,.{0 if speed >= 10 else 1}f} images/s")
        iteration, start = self._started
        if runner.iter > iteration:  # not in a validation with which a resumed run begins
            pace = (time.monotonic() - start) / (runner.iter - iteration)
            left = timedelta(seconds=round(pace * (runner.max_iters - runner.iter)))
            parts.append(f"{left} left")
        announce(runner.logger, "  ".join(parts))


def _by_epoch(runner: Runner) -> bool:
    return isinstance(runner.train_loop, EpochBasedTrainLoop)


def _interval(runner: Runner) -> int:
    """Return the number of iterations between two lines."""
    if _by_epoch(runner):
        return len(runner.train_dataloader)
    return runner.train_loop.val_interval


def _position(runner: Runner) -> str:
    done, total = runner.iter, runner.max_iters
    if _by_epoch(runner):
        done, total = runner.epoch, runner.max_epochs
    unit = "epoch" if _by_epoch(runner) else "iteration"
    return f"{unit} {done:>{len(str(total))}}/{total}"


def _main_metrics(metrics: dict[str, Any]) -> dict[str, float]:
    """Return the first metrics, without those that detail another: of mAP and mAP_50 the first."""
    numbers = {
        name: value
        for name, value in metrics.items()
        if isinstance(value, (int, float)) and not any(name.startswith(f"{n}_") for n in metrics)
    }
    return dict(list(numbers.items())[:_MOST_METRICS])
