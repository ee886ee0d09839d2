"""Weights & Biases."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.visualization.vis_backend import WandbVisBackend as EngineWandbVisBackend
from mmengine.visualization.vis_backend import force_init_env

from mmresnet.registry import VISBACKENDS

_PATIENCE = 30  # seconds that a start waits for a login, and for the server
_SETTINGS = {
    "init_timeout": _PATIENCE,
    "finish_timeout": 120,
    "console": "off",  # the terminal is not captured: what it shows is in the log file
    "max_end_of_run_history_metrics": 0,
    "max_end_of_run_summary_metrics": 0,
}
_Method = TypeVar("_Method", bound=Callable[..., object])
_initialized: Callable[[_Method], _Method] = force_init_env  # calls _init_env before the first


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

        self._init_kwargs.setdefault("settings", dict(_SETTINGS))
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
