"""What the processes of a run settle when they start, before anything is built."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.config.differences import changes
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmresnet.engine.nodes.meeting import Meeting

_STARTED, _MOST = "MMRESNET_STARTED", "MMRESNET_MOST_PROCESSES"  # mmresnet.cli.launch sets them
_PACKAGES = (
    *("mmresnet", "torch", "torchvision", "mmengine", "mmcv", "mmcv-lite", "mmpretrain", "mmdet"),
    *("onedl-mmengine", "onedl-mmcv", "onedl-mmpretrain", "onedl-mmdetection"),
)
_SHOWN = 5  # settings in a message


def check_same_config(meeting: Meeting, cfg: Config) -> None:
    """Check that all processes have the same config and the same versions; they all call this.

    ``data_root`` may differ, since the data may lie elsewhere on another machine.

    Raises:
        UserError: They have not; in all processes.
    """
    versions = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    text = json.dumps(cfg.to_dict(), default=_without_address, sort_keys=True)
    if root := cfg.get("data_root"):
        text = text.replace(json.dumps(str(root))[1:-1], "DATA_ROOT")
    for what, settings in (("version", versions), ("config", json.loads(text))):
        other = find_other(settings, meeting.exchange)
        if other is not None:
            place, differences = other
            raise UserError(
                f"{place} has another {what} than the first process: {differences}. Give all "
                "machines the same command, code and packages."
            )


def find_other(
    settings: dict[str, Any], gather: Callable[[Any], list[Any]]
) -> tuple[str, str] | None:
    """Return the first process whose settings are not those of the first, and what differs.

    All processes call this. Settings travel only if there is such a process.

    Args:
        gather: Returns what each process gives it, by rank.
    """
    text = json.dumps(settings, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    gathered = gather((digest, platform.node()))
    others = [rank for rank, (one, _) in enumerate(gathered) if one != gathered[0][0]]
    if not others:
        return None
    shown = (gathered[0][0], gathered[others[0]][0])
    full = gather(settings if digest in shown else None)
    found = [
        f"{path} is {theirs}, not {ours}"
        for path, ours, theirs in changes(full[0], full[others[0]])
    ]
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    place = f"Process {others[0]} (on {gathered[others[0]][1]})"
    return place, "; ".join(found[:_SHOWN]) + more


def continues(meeting: Meeting, work_dir: str) -> bool:
    """Return whether this run has saved a checkpoint, and its processes were started again.

    All processes call this: one that has come later began later. An earlier run may have left
    checkpoints, which a new one does not continue from.
    """
    own = float(os.environ.get(_STARTED, "inf"))
    newest = Path(work_dir, "last_checkpoint")
    saved = newest.stat().st_mtime if newest.is_file() else None
    gathered = meeting.exchange((own, saved, platform.node()))
    started = min(one for one, *_ in gathered)
    continued = [saved is not None and saved >= started for _, saved, _ in gathered]
    if any(continued) and not all(continued):
        blind = gathered[continued.index(False)][2]
        raise UserError(
            f"The machine {blind} does not see the last checkpoint of this run in '{work_dir}': "
            "the work directory must be in a file system that all machines share."
        )
    return any(continued)


def keep_images_per_step(cfg: Config, now: int) -> str | None:
    """Share the images of a step among as many processes as there are; return a note on it.

    Where machines may come and go, ``batch_size`` is that of a process if all of them are there.
    With logical shards it is that of a shard, and nothing has to change.

    Args:
        now: The number of processes.

    Raises:
        UserError: There are more processes than images in a step.
    """
    most = int(os.environ.get(_MOST, "0"))
    loader = cfg.get("train_dataloader") or {}
    if not most or most == now or cfg.get("logical_shards") or "batch_size" not in loader:
        return None
    images = loader["batch_size"] * most
    if images < now:
        raise UserError(
            f"{images} images per step cannot be shared among {now} processes: set a larger "
            "batch_size."
        )
    loader["batch_size"] = images // now
    note = f"{now} of at most {most} processes, with {images // now} images each"
    if images % now:
        return f"{note}: {images // now * now} images per step, and not {images}."
    return f"{note}: {images} images per step, as with all of them."


def _without_address(value: object) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))
