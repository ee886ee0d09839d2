"""Parameters without a gradient in data-parallel training, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmengine.hooks import Hook
from torch.nn.parallel import DistributedDataParallel

from mmresnet.engine.watch.wrappers import optim_wrappers
from mmresnet.errors import TrainingError
from mmresnet.registry import HOOKS

if TYPE_CHECKING:
    from mmengine.runner import Runner

_NAMES = 5  # in a message


@HOOKS.register_module()
class UnusedParametersHook(Hook):
    """Stops a data-parallel training that would wait for gradients which never come.

    torch's ``DistributedDataParallel`` fails in the next forward pass, and gives numbers of
    parameters where this gives names. Nothing is done with ``find_unused_parameters=True``.

    Raises:
        mmresnet.errors.TrainingError: By the training: the loss does not depend on a parameter.
    """

    def before_train(self, runner: Runner) -> None:
        """Watch the optimizers."""
        self._handles: list[Any] = []
        model = runner.model
        if not isinstance(model, DistributedDataParallel) or model.find_unused_parameters:
            return
        for _, wrapper in optim_wrappers(runner.optim_wrapper):
            hook = wrapper.optimizer.register_step_pre_hook(lambda *_: check_gradients(model))
            self._handles.append(hook)

    def after_train(self, runner: Runner) -> None:
        """Watch them no longer."""
        for handle in self._handles:
            handle.remove()


def check_gradients(model: DistributedDataParallel) -> None:
    """Check that each parameter to be trained has a gradient.

    Raises:
        TrainingError: One has none.
    """
    named = [
        (name, parameter)
        for name, parameter in model.module.named_parameters()
        if parameter.requires_grad and name not in model.parameters_to_ignore
    ]
    unused = [name for name, parameter in named if parameter.grad is None]
    if unused:
        more = f" and {len(unused) - _NAMES} more" if len(unused) > _NAMES else ""
        raise TrainingError(
            f"The loss does not depend on {len(unused)} of {len(named)} parameters: "
            f"{', '.join(unused[:_NAMES])}{more}. Processes would wait for their gradients: freeze "
            "or remove them, or set find_unused_parameters=True in the config."
        )
