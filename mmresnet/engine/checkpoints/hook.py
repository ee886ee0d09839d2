"""Checkpoints at intervals, every few minutes, and before the process is ended."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any, NoReturn

import torch
from mmengine.dist import is_main_process
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner

from mmresnet.atomic import remove_partial_files
from mmresnet.engine.checkpoints.files import MARKER, choose_checkpoint
from mmresnet.engine.checkpoints.full_disks import outlive_full_disks
from mmresnet.engine.checkpoints.interrupts import Interrupts, shield_workers
from mmresnet.engine.checkpoints.saves import BackgroundCheckpointHook
from mmresnet.engine.terminal import announce
from mmresnet.errors import Interrupted, Stopped, UserError
from mmresnet.registry import HOOKS

_MINUTES = 10.0
_WORTH_SAVING = 60  # s of training before a validation


@HOOKS.register_module()
class CheckpointHook(BackgroundCheckpointHook):
    """mmengine's hook, whose files exist whole or not at all, and which saves before it is ended.

    Training waits only until a checkpoint is copied to host memory; a thread writes it: under
    another name, flushed to the disk, then renamed. ``last_checkpoint`` names it after that, and
    older files are removed last. If it cannot be written, the log warns, training goes on with the
    earlier files, and the next save tries again.

    Besides those of ``interval``, an interim checkpoint ``iter_N.pth`` is written every
    ``minutes``, before a validation if the last save is a minute ago, and when the process gets
    SIGTERM or SIGINT, which end it with the exit code 143 or by ``KeyboardInterrupt``. It is
    removed after the next save.

    The weights that are evaluated (the averaged ones, with an EMAHook) are also written alone, as
    ``weights/best.pth`` and ``weights/best.safetensors``, and after training as ``weights/last.*``.

    Args:
        minutes: Save when the last save is this long ago; 0 for never. By default 10, and 0 if
            ``interval`` is mmengine's "never".

    The other arguments are mmengine's.

    Raises:
        UserError: ``minutes`` is not a number from 0; or there are only damaged checkpoints to
            resume from; or the last checkpoint of the training could not be written.
    """

    def __init__(self, *args: Any, minutes: float | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if minutes is None:
            minutes = _MINUTES if self.interval > 0 else 0
        if isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not minutes >= 0:
            raise UserError(f"CheckpointHook: minutes must be a number from 0, not {minutes!r}.")
        self.minutes = minutes
        self._interrupts = Interrupts()
        self._at_end: tuple[int, ...] = (
            0,
            0,
        )  # of an epoch: the age of the last save, the number of a signal
        self._saved_at = (self.saved, time.monotonic())  # iterations, time

    def before_run(self, runner: Runner) -> None:
        """Choose the checkpoint to resume from."""
        folders = [runner.work_dir]
        if self.out_dir is not None:
            folders.append(str(Path(self.out_dir, Path(runner.work_dir).name)))
        choose_checkpoint(runner, *folders)

    def before_train(self, runner: Runner) -> None:
        """Remove what a killed process has left of a checkpoint, and begin to watch for signals."""
        super().before_train(runner)
        if hasattr(torch.serialization, "set_crc32_options"):
            torch.serialization.set_crc32_options(True)  # which are compared before resuming
        if is_main_process() and self._is_local():
            for folder in {runner.work_dir, str(self.out_dir), str(Path(self.out_dir, "weights"))}:
                for path in remove_partial_files(folder, "*.pth", "*.safetensors", MARKER):
                    runner.logger.info(f"Removed '{path}', which a killed process has left.")
        self._saved_at = (self.saved, time.monotonic())
        self._agreement.start()
        self._interrupts.watch(type(runner.train_loop).run)
        for loop in (runner.train_loop, runner._val_loop):
            if loop is not None:
                shield_workers(loop.dataloader)
        outlive_full_disks(runner)

    def after_train_iter(self, runner: Runner, batch_idx: int, *args: Any, **kwargs: Any) -> None:
        """Save if it is time to; save and end the process if it got a signal."""
        super().after_train_iter(runner, batch_idx, *args, **kwargs)
        self.report()
        state = self._agreement.exchange(self._age(), self._interrupts.received)
        done, loop = runner.iter + 1, runner.train_loop
        if isinstance(loop, EpochBasedTrainLoop):
            if self.end_of_epoch(runner.train_dataloader, batch_idx):
                self._at_end = state  # for after_train_epoch, where the epoch is complete
                return
            validates = False
        else:
            validates = isinstance(loop, IterBasedTrainLoop) and _validates_after(runner, done)
        self._save_interim(runner, {"epoch": runner.epoch, "iter": done}, validates, *state)

    def after_train_epoch(self, runner: Runner) -> None:
        """Do so at the end of an epoch."""
        super().after_train_epoch(runner)
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            meta = {"epoch": runner.epoch + 1, "iter": runner.iter}
            state, self._at_end = self._at_end, (0, 0)
            self._save_interim(runner, meta, _validates_after(runner, meta["epoch"]), *state)

    def after_val_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """End the process if it got a signal: the state before the validation is saved."""
        if self._interrupts.received:
            self.report(wait=True)  # and no more: processes may differ in their number of batches
            self._end(runner, self._interrupts.received, runner.iter)

    def after_train(self, runner: Runner) -> None:
        """Publish, write the weights alone, and wait until everything is written."""
        safe = self.settle(runner)
        with self.one_save(runner):
            super().after_train(runner)
            if self.last_ckpt is not None:
                self.save_weights(runner, "last")
        self.settle(runner)
        self._agreement.close()
        self.close()
        if not safe:
            rest = (
                f"the newest intact one is '{self.last_ckpt}'"
                if self.last_ckpt
                else "there is none"
            )
            raise UserError(
                f"The training is complete, but its last checkpoint could not be written; {rest}. "
                "Make room, and repeat the rest with --resume."
            )

    def close(self) -> None:
        """Finish writing, and handle signals as before; calling it again does nothing."""
        self._interrupts.close()
        self.report(wait=True)

    def _age(self) -> int:
        """Return the seconds since the last save, or since the start."""
        if self._saved_at[0] != self.saved:
            self._saved_at = (self.saved, time.monotonic())
        return int(time.monotonic() - self._saved_at[1])

    def _save_interim(
        self, runner: Runner, meta: dict[str, int], validates: bool, age: int, number: int
    ) -> None:
        """Save if there is a reason and it is not done yet; end the process after a signal."""
        done = meta["iter"]
        if self.saved >= done - 1:  # the age is that of an iteration ago
            age = 0
        due = self.minutes > 0 and age >= 60 * self.minutes
        before_validation = validates and self.interval > 0 and age >= _WORTH_SAVING
        if (due or before_validation or number) and self.saved != done:
            runner.logger.info(f"Saving checkpoint at {done} iterations")
            self.save(runner, f"iter_{done}.pth", meta)
        if number:
            self.settle(runner)
            self._agreement.close()
            self._end(runner, number, done)

    def _end(self, runner: Runner, number: int, done: int) -> NoReturn:
        self.close()
        newest = self.last_ckpt or runner.message_hub.runtime_info.get("last_ckpt")
        state = f"--resume continues from '{newest}'" if newest else "there is no checkpoint"
        name = signal.Signals(number).name
        announce(runner.logger, f"Stopped by {name} after iteration {done}: {state}.")
        if number == signal.SIGINT:
            raise Interrupted
        raise Stopped(128 + number)


def _validates_after(runner: Runner, done: int) -> bool:
    """Return whether the loop validates after this number of epochs or iterations."""
    loop = runner.train_loop
    if runner._val_loop is None or done < loop.val_begin:
        return False
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    return done % loop.val_interval == 0 or done == (
        loop.max_epochs if by_epoch else loop.max_iters
    )
