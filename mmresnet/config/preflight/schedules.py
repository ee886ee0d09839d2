"""Training loops and learning rate schedules that do not fit each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mmresnet.config.preflight.findings import Finding
from mmresnet.config.walk import type_name

if TYPE_CHECKING:
    from mmengine.config import Config

_TOGETHER = (
    ("train_dataloader", "train_cfg", "optim_wrapper"),
    ("val_dataloader", "val_cfg", "val_evaluator"),
    ("test_dataloader", "test_cfg", "test_evaluator"),
)


def check_loops(cfg: Config) -> Iterator[Finding]:
    """Find loops that lack a part, have no length, or never validate."""
    for group in _TOGETHER:
        missing = [key for key in group if cfg.get(key) is None]
        if missing and len(missing) < len(group):
            present = " and ".join(key for key in group if key not in missing)
            what = f"it is missing, and {present} needs it."
            yield from (
                Finding(key, what, f"Set {key}, or leave out the others.") for key in missing
            )
    loop = cfg.get("train_cfg")
    if not isinstance(loop, dict):
        return
    if "type" not in loop and "by_epoch" not in loop:
        yield Finding("train_cfg", "it has neither by_epoch nor a type.", "Set by_epoch=True.")
        return
    if "type" in loop and "by_epoch" in loop:
        what = f"the type {loop['type']} decides between epochs and iterations already."
        yield Finding("train_cfg.by_epoch", what, "Leave out one of the two.")
    unit, total = length_of(loop)
    if isinstance(total, int) and total <= 0:
        what = f"max_{unit} is {total}."
        yield Finding(f"train_cfg.max_{unit}", what, "Give a positive number.")
    for key in ("val_interval", "val_begin"):
        value = loop.get(key, 1)
        if isinstance(value, int) and value <= 0:
            yield Finding(f"train_cfg.{key}", f"{key} is {value}.", "Give a positive number.")
        elif isinstance(total, int) and isinstance(value, int) and value > total > 0:
            last = " before the end" if key == "val_interval" and unit == "epochs" else ""
            what = f"{key} is {value}, and the training has {total} {unit}: no validation{last}."
            yield Finding(f"train_cfg.{key}", what, f"Set at most {total}.", "warning")
    checkpoint = (cfg.get("default_hooks") or {}).get("checkpoint") or {}
    if unit == "iters" and checkpoint.get("by_epoch", True) and checkpoint.get("interval", 1) > 0:
        what = "a training by iterations has no epochs, so that only its end is saved."
        where = "default_hooks.checkpoint.by_epoch"
        yield Finding(where, what, "Set by_epoch=False and an interval in iterations.", "warning")


def length_of(loop: dict[str, Any]) -> tuple[str, int | None]:
    """Return "epochs" or "iters", and how many of them a training has."""
    by_epoch = loop.get("by_epoch", "Iter" not in type_name(loop))
    unit = "epochs" if by_epoch else "iters"
    return unit, loop.get(f"max_{unit}")


def check_schedules(cfg: Config) -> Iterator[Finding]:
    """Find parts of the learning rate schedule that the training does not reach, or that end early.

    Only schedules in the unit of the loop are compared with it: how many iterations an epoch has
    depends on the data.
    """
    loop = cfg.get("train_cfg") or {}
    unit, total = length_of(loop)
    schedules = cfg.get("param_scheduler") or []
    single = isinstance(schedules, dict)
    ends = []
    for index, schedule in enumerate([schedules] if single else schedules):
        path = "param_scheduler" if single else f"param_scheduler.{index}"
        if not isinstance(schedule, dict):
            continue
        begin, end = schedule.get("begin", 0), schedule.get("end")
        if isinstance(begin, int) and isinstance(end, int) and begin >= end:
            what = f"it begins at {begin} and ends at {end}."
            yield Finding(path, what, "Set begin below end.")
            continue
        by_epoch = schedule.get("by_epoch", True)
        if by_epoch and unit == "iters" and not schedule.get("convert_to_iter_based"):
            what = "it counts epochs, of which a training by iterations has none: it has no effect."
            yield Finding(f"{path}.by_epoch", what, "Set by_epoch=False.", "warning")
        if by_epoch != (unit == "epochs") or not isinstance(total, int):
            continue
        ends.append((path, end if isinstance(end, int) else total))
        yield from _unreached(path, schedule, unit, total)
    last = max(ends, key=lambda item: item[1], default=("", total))
    if isinstance(total, int) and isinstance(last[1], int) and last[1] < total:
        what = f"the schedule ends at {last[1]} of {total} {unit}: its last rate stays until then."
        yield Finding(f"{last[0]}.end", what, f"Set end={total} if it shall go on.", "warning")


def _unreached(path: str, schedule: dict[str, Any], unit: str, total: int) -> Iterator[Finding]:
    begin, end = schedule.get("begin", 0), schedule.get("end")
    if begin >= total:
        what = f"it begins after {begin} of {total} {unit}, and so never."
        yield Finding(f"{path}.begin", what, f"Set begin below {total}.", "warning")
        return
    late = [step for step in schedule.get("milestones", ()) if begin + step >= total]
    if late:
        what = f"{late} lie at or behind the last of {total} {unit}, and are never reached."
        remedy = f"Choose milestones for {total} {unit}, or set max_{unit}."
        yield Finding(f"{path}.milestones", what, remedy, "warning")
    elif isinstance(end, int) and end > total:
        what = f"it ends at {end}, and the training at {total} {unit}."
        yield Finding(f"{path}.end", what, f"Set end={total}, or max_{unit}={end}.", "warning")
