"""Trackers that outlive failures: W&B and MLflow, whose servers may be out of reach.

A training never ends because of its tracker, nor waits long for it. All that is logged is in the
work directory as well, from which the curves of a resumed run are given to its tracker again.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from mmengine.config import Config
from mmengine.logging import MMLogger, print_log
from mmengine.visualization import Visualizer
from mmengine.visualization.vis_backend import MLflowVisBackend as EngineMLflowVisBackend
from mmengine.visualization.vis_backend import WandbVisBackend as EngineWandbVisBackend
from mmengine.visualization.vis_backend import force_init_env

from mmresnet.registry import VISBACKENDS

PAUSE = 300  # seconds until what could not be sent is tried again
_PATIENCE = 30  # seconds that a start waits for W&B
_WANDB_SETTINGS = {
    "init_timeout": _PATIENCE,
    "finish_timeout": 120,
    "console": "off",  # the terminal is not captured: what it shows is in the log file
    "max_end_of_run_history_metrics": 0,
    "max_end_of_run_summary_metrics": 0,
}
_LOCAL = ("LocalVisBackend", "TensorboardVisBackend")  # they write files of the work directory
_SENDING = ("add_config", "add_graph", "add_image", "add_scalar", "add_scalars", "add_history")

_Method = TypeVar("_Method", bound=Callable[..., object])
_initialized: Callable[[_Method], _Method] = force_init_env  # calls _init_env before the first


def outlive_failures(visualizer: Visualizer) -> None:
    """Let trackers keep what they cannot send, and try again later, with a warning."""
    for backend in visualizer._vis_backends.values():
        if type(backend).__name__ not in _LOCAL:
            _Sender(backend)


class _Sender:
    """Calls a tracker's methods in their order, from the first that failed on.

    Args:
        backend: Whose methods are replaced.
    """

    def __init__(self, backend: Any) -> None:
        self._name = type(backend).__name__.removesuffix("VisBackend")
        self._waiting: deque[Callable[[], object]] = deque()
        self._next_try = 0.0
        self._close = backend.close
        for name in _SENDING:
            if hasattr(backend, name):
                setattr(backend, name, self._sending(getattr(backend, name)))
        backend.close = self.close

    def _sending(self, method: Callable[..., object]) -> Callable[..., None]:
        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> None:
            self._waiting.append(functools.partial(method, *args, **kwargs))
            if time.monotonic() >= self._next_try:
                self._send()

        return call

    def _send(self) -> None:
        try:
            while self._waiting:
                self._waiting[0]()
                self._waiting.popleft()
        except Exception as error:  # of any package; a training matters more than its tracker
            self._next_try = time.monotonic() + PAUSE
            self._warn(error, f"It is tried again every {PAUSE // 60} minutes.")

    def close(self) -> None:
        """Try once more to send what has been kept, and end the tracker's run."""
        try:
            while self._waiting:
                self._waiting[0]()
                self._waiting.popleft()
            self._close()
        except Exception as error:
            self._warn(error, f"It has not got the last {len(self._waiting):,} messages.")

    def _warn(self, error: Exception, consequence: str) -> None:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        text = f"{self._name} cannot record this run now ({reason[:160]}). {consequence} "
        text += "The curves are in vis_data/scalars.json all the same."
        print_log(text, "current", logging.WARNING)


@VISBACKENDS.register_module()
class WandbVisBackend(EngineWandbVisBackend):
    """mmengine's W&B, with steps, and offline where its server cannot be used.

    Args:
        save_dir: Where W&B keeps its files.
        init_kwargs: Keywords of ``wandb.init``.
        kwargs: Those of mmengine's class. ``define_metric_cfg`` draws all over ``step`` by default.
    """

    def __init__(
        self, save_dir: str, init_kwargs: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        kwargs.setdefault("define_metric_cfg", [{"name": "*", "step_metric": "step"}])
        super().__init__(save_dir, dict(init_kwargs or {}), **kwargs)

    def _init_env(self) -> None:
        import wandb

        self._init_kwargs.setdefault("settings", dict(_WANDB_SETTINGS))
        try:
            if not _is_offline(self._init_kwargs) and not wandb.login(timeout=_PATIENCE):
                raise wandb.errors.UsageError("Nobody is logged in.")
            super()._init_env()
        except wandb.errors.Error as error:
            self._init_kwargs["mode"] = "offline"
            super()._init_env()
            folder = Path(self._wandb.run.settings.sync_dir)
            print_log(
                f"W&B's server cannot be used: {str(error).splitlines()[0]} This run is recorded "
                f"in files; to upload them later: wandb login, then wandb sync {folder}",
                "current",
                logging.WARNING,
            )

    @_initialized
    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Record the config. (mmengine also uploads all code below the current folder.)"""
        self._wandb.config.update(config.to_dict(), allow_val_change=True)

    @_initialized
    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Record a value at a step."""
        self.add_scalars({name: value}, step)

    @_initialized
    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, *_: Any, **__: Any
    ) -> None:
        """Record values at a step, as ``vis_data/scalars.json`` has them."""
        # not log(step=…): the steps of a validation are epochs, and W&B's must not decrease
        self._wandb.log({**scalar_dict, "step": step}, commit=self._commit)

    @_initialized
    def add_history(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Record the lines of ``scalars.json`` that an earlier start of the run has written."""
        for line in lines:
            self._wandb.log(dict(line), commit=self._commit)


def _is_offline(init_kwargs: Mapping[str, Any]) -> bool:
    return (init_kwargs.get("mode") or os.environ.get("WANDB_MODE") or "online") != "online"


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
