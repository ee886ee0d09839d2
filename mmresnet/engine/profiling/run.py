"""Profiling a training: a run of a few steps in a folder of its own, which changes no other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.config.trackers import remove_trackers
from mmresnet.engine.checkpoints.files import choose_checkpoint
from mmresnet.engine.profiling.hook import ProfileComplete, ProfileHook

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner


def configure(cfg: Config) -> list[str]:
    """Let a config be one for a profile, and return the folders that its checkpoints are in.

    Logs and the trace go to the folder ``profile`` of the work directory. There are no checkpoints
    and no validation.
    """
    folders = [cfg.work_dir]
    out_dir = (cfg.default_hooks.checkpoint or {}).get("out_dir")
    if out_dir:
        folders.append(str(Path(out_dir, Path(cfg.work_dir).name)))
    cfg.work_dir = str(Path(cfg.work_dir, "profile"))
    cfg.default_hooks.checkpoint = None
    remove_trackers(cfg)
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    return folders


def profile(runner: Runner, folders: list[str]) -> None:
    """Train for a few steps, and report where their time went.

    Args:
        runner: Of a config that :func:`configure` has changed.
        folders: Where checkpoints are, if it is to resume from the newest one.

    Raises:
        UserError: The training has too few iterations, or checkpoints are damaged.
    """
    choose_checkpoint(runner, *folders)
    hook = ProfileHook()
    runner.register_hook(hook)
    try:
        runner.train()
    except ProfileComplete:
        pass
    finally:
        hook.close()
