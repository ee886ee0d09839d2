"""Trackers of trainings, beside the files in the work directory: TensorBoard, W&B and MLflow."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.config.preflight.findings import Finding
from mmresnet.config.walk import type_name
from mmresnet.errors import MissingPackageError, UserValueError, did_you_mean

if TYPE_CHECKING:
    from mmengine.config import Config


def _nothing(project: str, run: str) -> dict[str, Any]:
    return {}


def _for_wandb(project: str, run: str) -> dict[str, Any]:
    named = {"project": _from("WANDB_PROJECT", project), "name": _from("WANDB_NAME", run)}
    return {"init_kwargs": named}


def _for_mlflow(project: str, run: str) -> dict[str, Any]:
    return {"exp_name": _from("MLFLOW_EXPERIMENT_NAME", project), "run_name": run}


def _from(variable: str, default: str) -> str:
    return os.environ.get(variable) or default


@dataclass(frozen=True)
class Tracker:
    """A tracker.

    Attributes:
        type: What is built of ``visualizer.vis_backends``; mmengine's class has the same name.
        packages: What has to be installed, by import names.
        keywords: Those of the class, from the names of the project and of the run.
    """

    type: str
    packages: tuple[str, ...]
    keywords: Callable[[str, str], dict[str, Any]] = _nothing


TRACKERS = {
    "tensorboard": Tracker("TensorboardVisBackend", ("tensorboard",)),
    "wandb": Tracker("mmresnet.WandbVisBackend", ("wandb",), _for_wandb),
    # mlflow-skinny lacks the last two, which its local store needs
    "mlflow": Tracker(
        "mmresnet.MLflowVisBackend", ("mlflow", "sqlalchemy", "alembic"), _for_mlflow
    ),
}
_LOCAL = {"type": "LocalVisBackend"}
_OF_BACKEND = {tracker.type.rpartition(".")[2]: name for name, tracker in TRACKERS.items()}


def check_installed(names: Iterable[str]) -> None:
    """Check that trackers can be used, without importing them.

    Raises:
        UserValueError: There is no tracker of such a name.
        MissingPackageError: Its package is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            raise UserValueError(
                f"There is no tracker '{name}', but {', '.join(TRACKERS)}."
                f"{did_you_mean(name, TRACKERS)}"
            )
        if missing := _missing(name):
            raise MissingPackageError(missing)


def _missing(name: str) -> str | None:
    """Return a sentence on the packages that a tracker lacks."""
    lacking = [p for p in TRACKERS[name].packages if importlib.util.find_spec(p) is None]
    if not lacking:
        return None
    return (
        f"The tracker {name} needs the package {' and '.join(lacking)}, which is not installed: "
        f'pip install {name}, or pip install "mmresnet[trackers]" for all of them.'
    )


def check_trackers(cfg: Config) -> Iterator[Finding]:
    """Find trackers in ``visualizer.vis_backends`` whose package is not installed."""
    for index, backend in enumerate(_backends(cfg)):
        name = _tracker_of(backend)
        if name and (missing := _missing(name)):
            yield Finding(f"visualizer.vis_backends.{index}", missing, "Or leave it out.")


def add_trackers(cfg: Config, names: Iterable[str]) -> None:
    """Add trackers to a config that has a ``work_dir``, beside those that it has.

    Raises:
        UserError: As :func:`check_installed`.
    """
    names = list(dict.fromkeys(names))
    check_installed(names)
    cfg.setdefault("visualizer", {"type": "Visualizer", "vis_backends": [_LOCAL]})
    present = {_tracker_of(backend) for backend in _backends(cfg)}
    project = Path(cfg.filename).stem if cfg.filename else "mmresnet"
    for name in names:
        if name not in present:
            tracker = TRACKERS[name]
            keywords = tracker.keywords(project, Path(cfg.work_dir).resolve().name)
            added = {"type": tracker.type, **keywords}
            cfg.visualizer.vis_backends = [*_backends(cfg), added]


def use_own(cfg: Config) -> None:
    """Let mmengine's trackers in a config be those of this package, which outlive failures."""
    for backend in _backends(cfg):
        if name := _tracker_of(backend):
            backend["type"] = TRACKERS[name].type


def remove_trackers(cfg: Config) -> None:
    """Leave the trackers out: for a run that is no training, and logs nothing to them."""
    backends = _backends(cfg)
    if any(map(_tracker_of, backends)):
        cfg.visualizer.vis_backends = [one for one in backends if not _tracker_of(one)]


def _backends(cfg: Config) -> list[dict[str, Any]]:
    backends = (cfg.get("visualizer") or {}).get("vis_backends") or []
    return [backends] if isinstance(backends, dict) else list(backends)


def _tracker_of(backend: dict[str, Any]) -> str | None:
    return _OF_BACKEND.get(type_name(backend))
