"""Weights that were trained otherwise than the config says are told of."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmresnet.registry import HOOKS
from mmresnet.weights.compare import differences

if TYPE_CHECKING:
    from mmengine.runner import Runner


@HOOKS.register_module()
class WeightsHook(Hook):
    """Compares what loaded weights were trained with (colours, sizes, stride) with the config.

    Each difference is a warning in the log, once, before the run begins.
    """

    def before_train(self, runner: Runner) -> None:
        """Compare before training."""
        self._compare(runner)

    def before_test(self, runner: Runner) -> None:
        """Compare before a test."""
        self._compare(runner)

    def _compare(self, runner: Runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        loader = runner.cfg.get("test_dataloader") or runner.cfg.get("val_dataloader") or {}
        pipeline = (loader.get("dataset") or {}).get("pipeline") or ()
        for module in model.modules():
            report = getattr(module, "weights_report", None)
            for sentence in differences(model, report, pipeline) if report else ():
                runner.logger.log(logging.WARNING, sentence)
