"""mmengine's CheckpointHook with files that exist whole or not, written in the background."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.runner import save_checkpoint as save_by_backend

from mmresnet import compat
from mmresnet.engine.checkpoints.files import MARKER
from mmresnet.engine.checkpoints.interrupts import Agreement
from mmresnet.engine.checkpoints.snapshot import HostCopies
from mmresnet.engine.checkpoints.writer import CheckpointWriter, Save, plain_weights, write_torch

# what a save changes, and what is as before if the save fails
_ATTRIBUTES = ("last_ckpt", "keep_ckpt_ids", "best_ckpt_path", "best_ckpt_path_dict", "saved")
_INFO = ("best_score", "best_ckpt", "last_ckpt", "keep_ckpt_ids", "interim_ckpt")


class BackgroundCheckpointHook(CheckpointHook):
    """Saves when mmengine's hook does, under the same names.

    All files of one moment are one save. Training waits while it is copied to host memory, and for
    the save before, if that is still being written. If a save fails, this hook and the message hub
    go back to the state before it, in all processes, so that they name files that exist.

    Attributes:
        saved: Iterations at the last save.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.file_backend: Any
        self.saved = -1
        self._agreement = Agreement()
        self._copies = HostCopies()
        self._writer = CheckpointWriter()
        self._open: Save | None = None
        self._contents: dict[str, Mapping[str, Any]] = {}  # of the open save
        self._before: tuple[dict[str, Any], dict[str, Any]] | None = None  # the last save
        self._failed = False  # the last save

    @contextmanager
    def one_save(self, runner: Runner) -> Iterator[Save]:
        """Let all that is saved inside be one save."""
        if self._open is not None:
            yield self._open
            return
        self.settle(runner)
        self._before = self._state(runner)
        self._open, self._contents = Save(), {}
        try:
            with self._copies.of_one_moment(), compat.SAVING.apply(self._add):
                yield self._open
        finally:
            save, self._open = self._open, None
        if save.files or save.extra:  # in the first process
            self._submit(save)

    def settle(self, runner: Runner) -> bool:
        """Wait for the last save and return whether it is safe; all processes call this."""
        self.report(wait=True)
        safe = self._agreement.of_first(not self._failed)
        if not safe and self._before is not None:
            attributes, info = self._before
            self.__dict__.update(attributes)
            current = runner.message_hub.runtime_info
            for name in [name for name in current if name.startswith(_INFO)]:
                del current[name]
            current.update(info)
        self._before, self._failed = None, False
        return safe

    def report(self, wait: bool = False) -> None:
        """Log what went wrong with the last save, if it is over, or once it is."""
        outcome = self._writer.wait() if wait else self._writer.poll()
        self._failed |= outcome.failed is not None
        for problem in outcome.problems:
            print_log(problem, "current", logging.WARNING)

    def save(
        self, runner: Runner, name: str, meta: dict[str, int], step: int | None = None
    ) -> None:
        """Save all of the state as ``name``.

        Args:
            meta: Epochs and iterations done.
            step: The number of a checkpoint that ``max_keep_ckpts`` counts. Of the others, the
                interim ones, each is removed after the next save.
        """
        info, name = runner.message_hub, self._name(name)
        with self.one_save(runner) as save:
            path = str(self.file_backend.join_path(self.out_dir, name))
            interim = info.runtime_info.get("interim_ckpt")
            if interim:
                save.expired[interim] = partial(self._remove, interim)
            info.update_info("interim_ckpt", path if step is None else "")
            if step is not None and self.max_keep_ckpts > 0:
                self._keep(runner, step, save)
            self.last_ckpt = path
            info.update_info("last_ckpt", path)
            self.saved = meta["iter"]
            save.marker = (str(Path(runner.work_dir, MARKER)), path)
            runner.save_checkpoint(
                self.out_dir,
                name,
                self.file_client_args,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
                **self.args,
            )

    def save_weights(self, runner: Runner, name: str) -> None:
        """Save the weights that are evaluated, and nothing else, in the folder ``weights``."""
        with self.one_save(runner) as save:
            runner.save_checkpoint(
                self.out_dir,
                name,
                self.file_client_args,
                save_optimizer=False,
                save_param_scheduler=False,
                meta={"epoch": runner.epoch, "iter": runner.iter},
                by_epoch=False,
                backend_args=self.backend_args,
            )
            path = str(self.file_backend.join_path(self.out_dir, name))
            if save.files.pop(path, None):
                self._add_weights(save, path, name)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        self.save(runner, self.filename_tmpl.format(step), meta, step)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, Any]) -> None:
        if not hasattr(self, "file_backend"):  # a validation without a training
            return
        with self.one_save(runner) as save:
            backend = self.file_backend
            self.file_backend = _LateRemoval(backend, save)
            try:
                super()._save_best_checkpoint(runner, metrics)
            finally:
                self.file_backend = backend
            if not self.save_best:
                return
            best = getattr(self, "best_ckpt_path_dict", None) or {
                "": getattr(self, "best_ckpt_path", None)
            }
            for key, path in best.items():
                name = f"best_{key}".rstrip("_").replace("/", "_")
                if path in save.files:
                    self._add_weights(save, path, name)

    def _submit(self, save: Save) -> None:
        self._writer.submit(save)

    def _name(self, name: str) -> str:
        """Return the name under which a checkpoint with the optimizer's state is saved."""
        return name

    def _keep(self, runner: Runner, step: int, save: Save) -> None:
        """Note that ``step`` is kept, and which file is no longer."""
        if step in self.keep_ckpt_ids:
            return
        while len(self.keep_ckpt_ids) >= self.max_keep_ckpts:
            name = self._name(self.filename_tmpl.format(self.keep_ckpt_ids.popleft()))
            path = str(self.file_backend.join_path(self.out_dir, name))
            save.expired[path] = partial(self._remove, path)
        self.keep_ckpt_ids.append(step)
        runner.message_hub.update_info("keep_ckpt_ids", list(self.keep_ckpt_ids))

    def _add(
        self,
        checkpoint: Mapping[str, Any],
        filename: str,
        file_client_args: dict[str, Any] | None = None,
        backend_args: dict[str, Any] | None = None,
    ) -> None:
        """Copy a checkpoint, and add it to the save; in the place of mmengine's function."""
        assert self._open is not None
        content = self._contents[filename] = self._copies.copy(checkpoint)
        if self._is_local():
            self._open.files[filename] = partial(write_torch, filename, content)
        else:
            self._open.files[filename] = partial(
                save_by_backend, content, filename, file_client_args, backend_args
            )

    def _add_weights(self, save: Save, path: str, name: str) -> None:
        if self._is_local():
            stem = str(Path(self.out_dir, "weights", name))
            save.extra |= plain_weights(self._contents[path], stem)

    def _is_local(self) -> bool:
        backend = self.file_backend
        return isinstance(getattr(backend, "client", backend), LocalBackend)

    def _remove(self, path: str) -> None:
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)
        elif self.file_backend.isdir(path):  # as deepspeed's checkpoints are
            self.file_backend.rmtree(path)

    def _state(self, runner: Runner) -> tuple[dict[str, Any], dict[str, Any]]:
        own = {name: copy.copy(value) for name, value in vars(self).items() if name in _ATTRIBUTES}
        info = runner.message_hub.runtime_info
        return own, {k: copy.copy(v) for k, v in info.items() if k.startswith(_INFO)}


class _LateRemoval:
    """A file backend that removes files after a save, where mmengine does so before."""

    def __init__(self, backend: Any, save: Save) -> None:
        self._backend, self._save = backend, save
        self.client = getattr(backend, "client", backend)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        self._save.expired[path] = partial(self._backend.remove, path)

    def rmtree(self, path: str) -> None:
        self._save.expired[path] = partial(self._backend.rmtree, path)
