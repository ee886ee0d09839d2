"""What the bits of a run depend on beside its config, kept in its checkpoints."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import broadcast_object_list

from mmresnet.engine.logical.wrapper import LogicalShards
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.runner import Runner


def choose_threads(shards: int) -> int:
    """Return the number of threads that a shard is computed with, on a CPU; a collective call.

    It decides in how many parts convolutions, matrix products and BatchNorm cut their sums. So it
    does not depend on the number of processes: it is what each would have if the first one's
    machine computed all shards at once.
    """
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    chosen = [max(1, cores // shards)]
    broadcast_object_list(chosen)
    return chosen[0]


def conditions(runner: Runner) -> dict[str, Any]:
    """Return them as plain values; empty without ``logical_shards``."""
    model = runner.model
    if not isinstance(model, LogicalShards):
        return {}
    device = next(model.parameters()).device
    if device.type == "cuda":
        name, threads = torch.cuda.get_device_name(device), None
    else:
        name, threads = torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()
    return {
        "logical_shards": model.layout.shards,
        "threads": threads,
        "device": name,
        "torch": str(torch.__version__),
    }


def meet(runner: Runner, saved: Mapping[str, Any]) -> list[str]:
    """Compute as before a checkpoint was saved; return what is not to the bit.

    Args:
        saved: What :func:`conditions` returned.

    Raises:
        UserError: The run had another number of shards, and has another now.
    """
    now = conditions(runner)
    if not saved and not now:
        return []
    if not saved or not now:
        of_run = saved or now
        which = "The checkpoint" if saved else "This run"
        return [
            f"{which} has logical_shards={of_run['logical_shards']} and "
            f"{'this run' if saved else 'the checkpoint'} none: it continues, with other random "
            "numbers and rounding."
        ]
    if saved["logical_shards"] != now["logical_shards"]:
        raise UserError(
            f"The checkpoint is of a run with logical_shards={saved['logical_shards']}, and this "
            f"one has {now['logical_shards']}: resume it with "
            f"logical_shards={saved['logical_shards']}, in any of its numbers of processes."
        )
    if saved["threads"] and now["threads"]:
        torch.set_num_threads(saved["threads"])
        now["threads"] = saved["threads"]
    return [
        f"{what} was {saved[key]} and is {now[key]} now: sums may be rounded otherwise."
        for key, what in (("device", "the device"), ("torch", "PyTorch"))
        if saved[key] != now[key]
    ]
