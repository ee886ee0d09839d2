"""The curves of a run, which a resumed run continues without gaps and doubles."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.runner import Runner

_PATTERNS = ("*.json", "events.out.tfevents.*")  # of LocalVisBackend and TensorboardVisBackend


def sizes(runner: Runner) -> dict[str, Any]:
    """Return how many bytes of each file of curves belong to the run so far.

    Keys are ``work_dir``, ``folder``, relative to it, and ``files``: bytes by name.
    """
    if not is_main_process():
        return {}
    for backend in runner.visualizer._vis_backends.values():
        if hasattr(backend, "_tensorboard"):  # it writes in the background
            backend._tensorboard.flush()
    folder = _folder(runner)
    files = {path.name: path.stat().st_size for p in _PATTERNS for path in folder.glob(p)}
    work_dir = os.path.abspath(runner.work_dir)
    return {"work_dir": work_dir, "folder": os.path.relpath(folder, work_dir), "files": files}


def carry_over(runner: Runner, saved: Mapping[str, Any]) -> None:
    """Let the files of this start begin with what the run had logged up to the checkpoint.

    What was logged after the checkpoint is left out, since it will be logged again. The files of
    the earlier start stay as they are.
    """
    if not (saved and is_main_process()):
        return
    after = _folder(runner).resolve()
    before, elsewhere = (
        Path(work_dir, saved["folder"]).resolve()
        for work_dir in (runner.work_dir, saved["work_dir"])
    )
    # the checkpoint is of another work directory, in which the run may have begun in this second
    if before == after or not before.is_dir():
        before = elsewhere
    if before == after:
        return
    after.mkdir(parents=True, exist_ok=True)
    for name, size in saved["files"].items():
        source = before / name
        if not source.is_file():
            runner.logger.warning(
                f"'{source}' is gone: the curves of this start begin where it resumes."
            )
            continue
        # LoggerHook calls one of its files as the start of the run is called
        target = after / name.replace(before.parent.name, after.parent.name)
        own = target.read_bytes() if target.exists() else b""
        logged = source.read_bytes()[:size]
        target.write_bytes(logged + own)
        if name == "scalars.json":
            _give_to_trackers(runner, logged)


def _give_to_trackers(runner: Runner, logged: bytes) -> None:
    """Let those that keep curves elsewhere, as a run for each start, begin with these lines."""
    lines = [json.loads(line) for line in logged.splitlines()]
    for backend in runner.visualizer._vis_backends.values():
        if hasattr(backend, "add_history"):
            backend.add_history(lines)


def _folder(runner: Runner) -> Path:
    return Path(runner.log_dir, "vis_data")
