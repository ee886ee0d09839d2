"""Writing of checkpoints in the background: each file whole or not at all, one save at a time."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmresnet.atomic import atomic_write
from mmresnet.threads import serial_executor
from mmresnet.weights.formats.files import write_weights


@dataclass
class Save:
    """The files of one moment, in the order of writing.

    Attributes:
        files: Path, and what writes it. They exist all, or the new ones not.
        marker: A file that names the newest checkpoint, and its content.
        expired: What removes older files, by path: done once ``files`` and ``marker`` are safe.
        extra: As ``files``, but written last, and dispensable.
    """

    files: dict[str, Callable[[], None]] = field(default_factory=dict)
    marker: tuple[str, str] | None = None
    expired: dict[str, Callable[[], None]] = field(default_factory=dict)
    extra: dict[str, Callable[[], None]] = field(default_factory=dict)


@dataclass
class Outcome:
    """What came of a :class:`Save`.

    Attributes:
        failed: The path that could not be written, for which the save was given up.
        problems: What went wrong, for the log.
    """

    failed: str | None = None
    problems: list[str] = field(default_factory=list)


class CheckpointWriter:
    """Writes one :class:`Save` at a time, in a thread that Python's exit waits for."""

    def __init__(self) -> None:
        self._thread = serial_executor(1, "checkpoint")
        self._running: Future[Outcome] | None = None

    def submit(self, save: Save) -> None:
        """Begin to write; the save before must have been waited for."""
        self._running = self._thread.submit(_write, save)

    def wait(self) -> Outcome:
        """Return what came of the last save, once it is written; an empty outcome if none runs.

        Raises:
            Exception: Something else than the file system failed.
        """
        running, self._running = self._running, None
        return Outcome() if running is None else running.result()

    def poll(self) -> Outcome:
        """Return the same if it is written already, and else an empty outcome."""
        return self.wait() if self._running is not None and self._running.done() else Outcome()


def _write(save: Save) -> Outcome:
    outcome, new = Outcome(), []
    try:
        for path, write in save.files.items():
            outcome.failed = path
            if not os.path.lexists(path):
                new.append(path)
            write()
        if save.marker is not None:
            outcome.failed = save.marker[0]
            _write_text(*save.marker)
        outcome.failed = None
    except Exception as error:
        outcome.problems.append(
            f"The checkpoint '{outcome.failed}' could not be written ({_reason(error)}). Training "
            "goes on, earlier checkpoints are intact, and the next save tries again."
        )
        for path in new:
            _remove(path)
        return outcome
    for path, remove in save.expired.items():
        if path not in save.files:
            try:
                remove()
            except OSError as error:
                outcome.problems.append(f"'{path}' could not be removed ({_reason(error)}).")
    for path, write in save.extra.items():
        try:
            write()
        except Exception as error:
            outcome.problems.append(f"'{path}' could not be written ({_reason(error)}).")
    return outcome


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):  # it was not written, or the file system is gone
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def _reason(error: BaseException) -> str:
    """Return what the system said.

    Raises:
        BaseException: ``error`` itself, if the system is not at fault.
    """
    cause: BaseException | None = error
    while cause is not None:  # torch's and our writers raise errors of their own for it
        if isinstance(cause, OSError):
            return cause.strerror or str(cause)
        cause = cause.__cause__ or cause.__context__
    raise error


def write_torch(path: str, content: Mapping[str, Any]) -> None:
    """Write a file by ``torch.save``, with the checksums of its records."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, "wb") as file:
        torch.save(content, file)


def plain_weights(checkpoint: Mapping[str, Any], stem: str) -> dict[str, Callable[[], None]]:
    """Return what writes the weights of a checkpoint alone, as ``stem`` + .pth and .safetensors.

    The state dict of a checkpoint has the averaged weights, where these are evaluated.
    """
    tensors = {k: v for k, v in checkpoint["state_dict"].items() if isinstance(v, Tensor)}
    meta = checkpoint.get("meta", {})
    known = {key: meta[key] for key in ("epoch", "iter") if key in meta}
    classes = (meta.get("dataset_meta") or {}).get("classes")
    if classes:
        known["classes"] = tuple(map(str, classes))
    text = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in known.items()
    }

    def write_safetensors() -> None:
        Path(stem).parent.mkdir(parents=True, exist_ok=True)
        write_weights(f"{stem}.safetensors", tensors, {"format": "pt", **text})

    return {
        f"{stem}.safetensors": write_safetensors,
        f"{stem}.pth": lambda: write_torch(f"{stem}.pth", {"state_dict": tensors, "meta": known}),
    }


def _write_text(path: str, text: str) -> None:
    with atomic_write(path) as file:
        file.write(text)
