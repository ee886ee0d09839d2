"""Metrics of another task than the model's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmresnet.config.preflight import registries
from mmresnet.config.preflight.findings import Finding
from mmresnet.config.preflight.registries import parts_to_build

if TYPE_CHECKING:
    from mmengine.config import Config

_TASKS = {"mmpretrain": "classifiers", "mmdet": "detectors"}


def check_metrics(cfg: Config) -> Iterator[Finding]:
    """Find metrics of detection for a classifier, and the other way about."""
    found = {part.path: part for part in parts_to_build(cfg)}
    task = _package(found["model"]) if "model" in found else None
    for path, part in found.items():
        package = _package(part) if part.registry == "METRICS" else None
        if task and package and package != task:
            what = f"{part.cfg['type']} measures {_TASKS[package]}, and {cfg.model.type} is none."
            remedy = "Use Accuracy." if task == "mmpretrain" else "Use mmresnet.CocoMetric."
            yield Finding(f"{path}.type", what, remedy)


def _package(part: registries.Part) -> str | None:
    """Return the package of tasks that a class, or a base of it, comes from."""
    bases = getattr(registries.find(part)[0], "__mro__", ())
    packages = [base.__module__.partition(".")[0] for base in bases]
    return next((name for name in packages if name in _TASKS), None)
