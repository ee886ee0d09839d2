"""The hook by which a run's exact state enters its checkpoints and is found in them."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmresnet.engine.resume.state import capture, gather_ranks, restore
from mmresnet.engine.terminal import announce

KEY = "training_state"
_OF_FILES = (
    "last_ckpt",
    "keep_ckpt_ids",
    "interim_ckpt",
)  # what a CheckpointHook writes into the message hub


class TrainingStateHook(Hook):
    """Save and restore what mmengine's checkpoints lack. The training loops register it.

    A checkpoint that is saved while a validation is running holds the state of before, so that a
    run resumed from it validates again.
    """

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self.validated: int | None = None
        self._ranks: list[dict[str, Any]] = []
        self._before_validation: tuple[dict[str, Any], dict[str, Any]] | None = None
        self._loaded: Mapping[str, Any] | None = None

    @classmethod
    def attach(cls, runner: Runner) -> TrainingStateHook:
        """Register the hook, and let all processes contribute when the first one saves."""
        hook = cls()
        runner.register_hook(hook)
        save = runner.save_checkpoint

        @functools.wraps(save)
        def save_checkpoint(*args: Any, **kwargs: Any) -> Any:
            hook._ranks = gather_ranks(runner)  # ``save`` returns at once in all but the first
            return save(*args, **kwargs)

        runner.save_checkpoint = save_checkpoint
        return hook

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Add the state, except to a file of weights alone, as those of the best epoch are."""
        if "optimizer" not in checkpoint:
            return
        if self._before_validation is None:
            checkpoint[KEY] = capture(runner, self._ranks, self.validated)
            return
        checkpoint[KEY], hub = self._before_validation
        info = checkpoint["message_hub"]["runtime_info"]
        files = {name: info[name] for name in _OF_FILES if name in info}
        checkpoint["message_hub"] = {**hub, "runtime_info": {**hub["runtime_info"], **files}}

    def after_load_checkpoint(self, runner: Runner, checkpoint: Mapping[str, Any]) -> None:
        """Keep the state until the loop begins."""
        self._loaded = checkpoint.get(KEY)

    def resume(self, runner: Runner) -> Mapping[str, Any] | None:
        """Restore the state if the run continues one; return it, to restore the random states."""
        state, self._loaded = self._loaded, None
        if runner.iter == 0:  # weights were loaded, but a new run begins
            return None
        if state is None:
            self.validated = runner.iter
            runner.logger.warning(
                "The checkpoint was not saved by mmresnet's training loops and lacks random "
                "states: this run continues, but not bit for bit."
            )
            return None
        self.validated = state["validated"]
        for note in restore(runner, state):
            announce(runner.logger, f"Resuming: {note}")
        return state

    def before_validation(self, runner: Runner) -> None:
        """Keep the state for checkpoints that are saved during a validation."""
        hub = copy.deepcopy(runner.message_hub.state_dict())
        self._before_validation = capture(runner, gather_ranks(runner), self.validated), hub

    def after_val(self, runner: Runner) -> None:
        """Note that the validation is complete."""
        self.validated, self._before_validation = runner.iter, None
