"""MLflow."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.visualization.vis_backend import MLflowVisBackend as EngineMLflowVisBackend
from mmengine.visualization.vis_backend import force_init_env

from mmresnet.registry import VISBACKENDS

_Method = TypeVar("_Method", bound=Callable[..., object])
_initialized: Callable[[_Method], _Method] = force_init_env  # calls _init_env before the first


@VISBACKENDS.register_module()
class MLflowVisBackend(EngineMLflowVisBackend):
    """mmengine's MLflow, by default into ``mlflow.db`` in the work directory.

    Args:
        save_dir: ``vis_data`` of a start of the run.
        kwargs: Those of mmengine's class. ``tracking_uri`` is by default what MLFLOW_TRACKING_URI
            says. ``artifact_suffix``, the endings of files of the work directory that are copied
            at the end, is by default empty.
    """

    _mlflow: Any

    def __init__(self, save_dir: str, **kwargs: Any) -> None:
        kwargs.setdefault("artifact_suffix", ())
        super().__init__(save_dir, **kwargs)

    def _init_env(self) -> None:
        # by default each call tries for minutes while the training waits
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        import mlflow

        _reopen_log()
        for name in ("alembic", "mlflow"):  # they tell of every table that they make
            logging.getLogger(name).setLevel(logging.WARNING)
        os.makedirs(self._save_dir, exist_ok=True)
        work_dir = Path(self._save_dir).absolute().parents[1]
        uri, artifacts = self._tracking_uri or os.environ.get("MLFLOW_TRACKING_URI"), None
        if not uri:
            uri = f"sqlite:///{work_dir / 'mlflow.db'}"
            artifacts = (work_dir / "mlflow").as_uri()
        mlflow.set_tracking_uri(uri)
        name = self._exp_name or "Default"
        if mlflow.get_experiment_by_name(name) is None:
            mlflow.create_experiment(name, artifact_location=self._artifact_location or artifacts)
        mlflow.set_experiment(name)
        if mlflow.active_run() is None:
            mlflow.start_run(run_name=self._run_name, tags=self._tags)
        self._mlflow = mlflow
        if self._params:
            mlflow.log_params(self._params)

    @_initialized
    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Record the config, as a file and by its settings."""
        self.cfg = config
        settings = self._flatten(config.to_dict())
        self._mlflow.log_params({_allowed(key): str(one)[:500] for key, one in settings.items()})
        self._mlflow.log_text(config.pretty_text, "config.py")

    @_initialized
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Record a value at a step."""
        self.add_scalars({name: value}, step)

    @_initialized
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, *_: Any, **__: Any
    ) -> None:
        """Record values at a step, as ``vis_data/scalars.json`` has them."""
        self._mlflow.log_metrics({_allowed(key): v for key, v in scalar_dict.items()}, step)

    @_initialized
    def add_history(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Record the lines of ``scalars.json`` that an earlier start of the run has written."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [
            Metric(_allowed(key), value, now, line["step"])
            for line in lines
            for key, value in line.items()
            if key != "step"
        ]
        run, client = self._mlflow.active_run().info.run_id, self._mlflow.MlflowClient()
        for start in range(0, len(metrics), 1000):  # the most that it takes at once
            client.log_batch(run, metrics[start : start + 1000])


def _allowed(name: str) -> str:
    """Return a name with characters that MLflow allows, of which @ (coco/AR@100) is none."""
    return re.sub(r"[^\w\-. :/]", "_", name)


def _reopen_log() -> None:
    """Open the log file again, which MLflow's logging configuration closes when it is imported."""
    for handler in MMLogger.get_current_instance().handlers:
        if isinstance(handler, logging.FileHandler) and handler.stream is None:
            handler.mode, handler.stream = "a", handler._open()
