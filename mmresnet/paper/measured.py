"""What the finished steps of an experiment have measured."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mmresnet.errors import UserError
from mmresnet.visualization.curves import read_curves

Figures = dict[str, dict[str, float]]
"""Of a step: for each of its lines (of trainings and tests one, called "") metrics by name."""

_COST = re.compile(r"^\| (?P<line>.+?) \| \d+ \| [\d.]+ \| (?P<value>[\d.]+) \|$", re.M)
_RESPONSES = re.compile(
    r"^(?P<line>\S+): \d+ layers, .* from (?P<lowest>[\d.]+) to (?P<highest>[\d.]+), "
    r"mean (?P<mean>[\d.]+)$",
    re.M,
)
_ENSEMBLE = re.compile(
    r"^average of \d+.*? +[\d.]+% +(?P<top1>[\d.]+)%(?: +[\d.]+% +(?P<top5>[\d.]+)%)?$", re.M
)


def measured(words: Sequence[str], printed: str) -> Figures:
    """Return what a step has measured.

    Args:
        words: Its command, after ``mmresnet``.
        printed: What it wrote to its standard output, where that was kept.

    Raises:
        UserError: A training or test has left no figures in its folder.
    """
    if words[0] in ("train", "test"):
        work_dir = Path(words[words.index("--work-dir") + 1])
        return {"": _of_training(work_dir) if words[0] == "train" else _of_test(work_dir)}
    reader = _READERS.get(" ".join(words[:2]), _READERS.get(words[0], _nothing))
    return reader(printed)


def _of_training(work_dir: Path) -> dict[str, float]:
    """Return the last value of each metric, and ``train/top1``: that of the last log line."""
    curves = read_curves(work_dir)
    found = {name: values[max(values)] for name, values in curves.metrics.items()}
    if curves.accuracy:
        found["train/top1"] = curves.accuracy[max(curves.accuracy)]
    return found


def _of_test(work_dir: Path) -> dict[str, float]:
    # beside predictions/test.json
    files = sorted(path for path in work_dir.glob("*/*.json") if path.stem == path.parent.name)
    if not files:
        raise UserError(
            f"'{work_dir}' holds no metrics of a test (<start time>/<start time>.json)."
        )
    content: Mapping[str, object] = json.loads(files[-1].read_text(encoding="utf-8"))
    return {name: value for name, value in content.items() if isinstance(value, (int, float))}


def _of_complexity(printed: str) -> Figures:
    found = _COST.finditer(printed)
    return {one["line"]: {"multiply-adds": float(one["value"])} for one in found}


def _of_responses(printed: str) -> Figures:
    names = ("mean", "lowest", "highest")
    return {
        one["line"]: {f"responses/{name}": float(one[name]) for name in names}
        for one in _RESPONSES.finditer(printed)
    }


def _of_ensemble(printed: str) -> Figures:
    found = _ENSEMBLE.search(printed)
    values = found.groupdict() if found else {}
    return {"": {f"accuracy/{name}": float(text) for name, text in values.items() if text}}


def _nothing(printed: str) -> Figures:
    return {}


_READERS: dict[str, Callable[[str], Figures]] = {
    "complexity": _of_complexity,
    "plot responses": _of_responses,
    "ensemble": _of_ensemble,
}
