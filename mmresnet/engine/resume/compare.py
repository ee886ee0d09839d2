"""Whether two runs ended with the same weights, states and curves, bit for bit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from mmresnet.errors import UserError
from mmresnet.weights.checkpoint import read

PARTS = {  # of a checkpoint, by what a report calls them
    "weights": "state_dict",
    "EMA": "ema_state_dict",
    "optimizer": "optimizer",
    "schedules": "param_schedulers",
    "random states": "training_state.ranks",
}
_OF_THE_MACHINE = (
    "time",
    "data_time",
    "images_per_second",
    "memory",
    "eta",
)  # in curves: no result of the training


def compare_runs(first: str | os.PathLike[str], second: str | os.PathLike[str]) -> dict[str, str]:
    """Compare the last checkpoints and the curves of the runs in two work directories.

    Returns:
        By part, "equal" or the first difference. Parts that neither run has are left out.

    Raises:
        UserError: One of them has no checkpoint or no curve.
    """
    one, two = (read(_last_checkpoint(Path(folder))) for folder in (first, second))
    report = {}
    for name, path in PARTS.items():
        a, b = _part(one, path), _part(two, path)
        if a is not None or b is not None:
            report[name] = next(differences(a, b), "equal")
    best = _best_scores(one), _best_scores(two)
    if any(best):
        report["best score"] = next(differences(*best), "equal")
    report["curves"] = next(differences(read_curve(first), read_curve(second)), "equal")
    return report


def read_curve(work_dir: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return the lines of the curve of the last start in a work directory, without times.

    Raises:
        UserError: There is none.
    """
    logs = sorted(Path(work_dir).glob("*/vis_data/scalars.json"))
    if not logs:
        raise UserError(f"'{work_dir}' holds no curve (<start time>/vis_data/scalars.json).")
    lines = [json.loads(line) for line in logs[-1].read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in _OF_THE_MACHINE} for line in lines]


def differences(first: Any, second: Any, path: str = "") -> Iterator[str]:
    """Yield where two nested values differ, tensors by a bit, with the largest difference."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in dict.fromkeys([*first, *second]):
            inner = f"{path}.{key}" if path else str(key)
            if key in first and key in second:
                yield from differences(first[key], second[key], inner)
            else:
                yield f"{inner}: only in the {'first' if key in first else 'second'}"
    elif isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        if len(first) != len(second):
            yield f"{path}: {len(first)} and {len(second)} values"
        for number, pair in enumerate(zip(first, second, strict=False)):
            yield from differences(*pair, f"{path}[{number}]")
    elif isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        if first.shape != second.shape or first.dtype != second.dtype:
            yield f"{path}: {first.dtype} {tuple(first.shape)} and {second.dtype} " + str(
                tuple(second.shape)
            )
        elif not _bits_equal(first, second):
            largest = (first.double() - second.double()).abs().max()
            yield f"{path}: differs by up to {largest:.2g}"
    elif first != second and not (first != first and second != second):  # two NaN are equal
        yield f"{path}: {first} and {second}"


def _bits_equal(first: torch.Tensor, second: torch.Tensor) -> bool:
    a, b = (t.detach().cpu().contiguous().view(-1).view(torch.uint8) for t in (first, second))
    return torch.equal(a, b)


def _last_checkpoint(folder: Path) -> Path:
    marker = folder / "last_checkpoint"
    if not marker.is_file():
        raise UserError(f"'{folder}' holds no checkpoint of a training (last_checkpoint).")
    return folder / Path(marker.read_text().strip()).name


def _part(checkpoint: Mapping[str, Any], path: str) -> Any:
    value: Any = checkpoint
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _best_scores(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    info = checkpoint["message_hub"]["runtime_info"]
    return {key: info[key] for key in sorted(info) if key.startswith("best_score")}
