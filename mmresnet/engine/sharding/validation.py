"""Validations of a sharded training: each process evaluates its images with a whole model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmengine.hooks import Hook

from mmresnet.engine.float32_boxes import Float32BoxesHook, keep_boxes_in_float32

if TYPE_CHECKING:
    from mmengine.runner import Runner
    from torch import nn

    from mmresnet.engine.sharding.replica import Replica


class WholeModelHook(Hook):
    """Let the Runner have the whole model during a validation.

    Args:
        replica: What makes it.
    """

    priority = "VERY_HIGH"  # before hooks that look at the model

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._sharded: nn.Module | None = None

    def before_run(self, runner: Runner) -> None:
        """Treat boxes as those of the model that is trained."""
        if any(isinstance(hook, Float32BoxesHook) for hook in runner.hooks):
            keep_boxes_in_float32(self._replica.model)

    def before_val(self, runner: Runner) -> None:
        """Gather the weights."""
        self._sharded, runner.model = runner.model, self._replica.fill()

    def after_val(self, runner: Runner) -> None:
        """Free them; what is saved in ``after_val_epoch``, as the best weights, is whole."""
        assert self._sharded is not None
        runner.model, self._sharded = self._sharded, None
        self._replica.empty()
