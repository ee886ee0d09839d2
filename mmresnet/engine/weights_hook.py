"""Reports the weights that a run begins with, and how they were trained otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmresnet.engine.terminal import announce
from mmresnet.registry import HOOKS
from mmresnet.weights.compare import differences

if TYPE_CHECKING:
    from mmengine.runner import Runner


@HOOKS.register_module()
class WeightsHook(Hook):
    """Compares what loaded weights were trained with (colours, sizes, stride) with the config.

    What was loaded is a line in the terminal, and each difference a warning, before the run begins.
    """

    priority = "LOW"  # after TerminalHook's header

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
            if report is None:
                continue
            if report.complete and not report.replaced:  # else it is a warning already
                file, *backbone = str(report).splitlines()[:2]
                loaded = [line.strip().partition(";")[0] for line in backbone]
                announce(runner.logger, ", ".join([file.rstrip("."), *loaded]))
            for difference in differences(model, report, pipeline):
                runner.logger.warning(difference)
