"""The speed of a training in its log, and what bounds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import all_gather_object, get_world_size
from mmengine.hooks import Hook, LoggerHook
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop

from mmresnet.engine.watch.batch_file import batch_size
from mmresnet.engine.watch.communication import CommunicationTimer
from mmresnet.memory import peak_memory
from mmresnet.registry import HOOKS

if TYPE_CHECKING:
    from mmengine.runner import Runner

_NOTICEABLE = 0.1  # a share of the time


@HOOKS.register_module()
class SpeedHook(Hook):
    """Logs the throughput and the memory, and for each epoch what bounds the speed.

    ``images_per_second`` is that of all processes since the previous line of the log. On a CPU,
    ``memory`` is the most that this process has held so far, in MB (workers of the data loader are
    processes of their own); on a GPU it is mmengine's, the most that tensors have held.

    The line of an epoch, or of ``val_interval`` iterations, divides the time of its training
    iterations into three:

    - input: waiting for the data loader (mmengine's ``data_time``), in the process that waits most;
    - communication: from the last gradient of the backward pass until all gradients are reduced,
      in the process that waits least, since the others wait for it as well. What overlaps with the
      backward pass costs nothing and is left out; so are the statistics of synchronized BatchNorm;
    - compute: the rest.
    """

    priority = "NORMAL"  # after IterTimerHook, before LoggerHook

    def __init__(self) -> None:
        self._timer: CommunicationTimer | None = None
        self._interval = 1
        self._since_line = [0.0, 0.0]  # images of this process, seconds
        self._sums = [0.0, 0.0, 0.0, 0.0]  # and seconds of input, of communication

    def before_train(self, runner: Runner) -> None:
        """Start to measure."""
        loggers = [hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)]
        self._interval = min(loggers, default=1)
        if is_model_wrapper(runner.model) and get_world_size() > 1:
            self._timer = CommunicationTimer(runner.model, runner.optim_wrapper)

    def after_train(self, runner: Runner) -> None:
        """Stop measuring."""
        if self._timer is not None:
            self._timer.close()
            self._timer = None

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Add an iteration, and log the speed where LoggerHook writes a line."""
        scalars = runner.message_hub.log_scalars
        if data_batch is None or "train/time" not in scalars:  # there is no IterTimerHook
            return
        images, time = float(batch_size(data_batch)), scalars["train/time"].current()
        waited = scalars["train/data_time"].current()
        communicated = self._timer.read() if self._timer is not None else 0.0
        added = (images, time, waited, communicated)
        self._sums = [a + b for a, b in zip(self._sums, added, strict=True)]
        self._since_line = [a + b for a, b in zip(self._since_line, added[:2], strict=True)]
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        last = batch_idx + 1 == len(runner.train_dataloader) if by_epoch else False
        if (batch_idx + 1) % self._interval == 0 or last:
            images, time = self._since_line
            speed = images * get_world_size() / time
            runner.message_hub.update_scalar("train/images_per_second", speed)
            if not torch.cuda.is_available():
                runner.message_hub.update_scalar("train/memory", peak_memory())
            self._since_line = [0.0, 0.0]
        if not by_epoch and (runner.iter + 1) % runner.train_loop.val_interval == 0:
            self._report(runner, f"iteration {runner.iter + 1}")

    def after_train_epoch(self, runner: Runner) -> None:
        """Log what bounded the speed of the epoch."""
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            self._report(runner, f"epoch {runner.epoch + 1}")

    def _report(self, runner: Runner, position: str) -> None:
        of_processes = all_gather_object(self._sums)
        self._sums = [0.0] * 4
        workers = runner.train_dataloader.num_workers
        if of_processes[0][1]:
            timed = self._timer is not None
            runner.logger.info(f"Speed until {position}: {bound(of_processes, workers, timed)}")


def bound(of_processes: list[list[float]], workers: int, timed: bool = True) -> str:
    """Return a line with the throughput and what bounds it.

    Args:
        of_processes: For each process its images, and its seconds in total, waiting for the
            input, and communicating.
        workers: Number of workers of each data loader.
        timed: Whether communication was; with sharded weights it overlaps with everything.
    """
    images = sum(sums[0] for sums in of_processes)
    time = max(sums[1] for sums in of_processes)
    waiting = max(sums[2] / sums[1] for sums in of_processes)
    communicating = min(sums[3] / sums[1] for sums in of_processes)
    shares = {"input": waiting}
    if len(of_processes) > 1 and timed:
        shares["communication"] = communicating
    shares["compute"] = max(0.0, 1 - sum(shares.values()))
    listed = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    # workers that keep up are never waited for
    limit = max(shares, key=lambda name: shares[name])
    if workers and waiting > _NOTICEABLE:
        limit = "input"
    advice = ""
    if limit == "input":
        advice = f" (train_dataloader.num_workers={workers}: more may help)"
    elif limit == "communication":
        advice = " (model_wrapper_cfg.gradient_compression=bfloat16 halves the bytes)"
    return f"{images / time:,.1f} images/s; {listed}; bound by {limit}{advice}"
