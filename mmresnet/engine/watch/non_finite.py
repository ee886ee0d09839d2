"""Infinite or NaN losses and gradients: the training stops, or leaves the step out; and why."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import all_gather_object, all_reduce, get_world_size
from mmengine.hooks import Hook

from mmresnet.engine.resume.random_states import capture_random_states
from mmresnet.engine.sharding.training import gradient_norm
from mmresnet.engine.watch.explain import Explanation, explain, loss_scale
from mmresnet.engine.watch.first_non_finite import losses_of
from mmresnet.engine.watch.wrappers import optim_wrappers, without_wrapper
from mmresnet.errors import TrainingError, UserValueError, did_you_mean
from mmresnet.registry import HOOKS
from mmresnet.weights.sharded_models import own_part

if TYPE_CHECKING:
    from mmengine.optim import OptimWrapper
    from mmengine.runner import Runner
    from torch import Tensor, nn

_POLICIES = ("stop", "skip")


@HOOKS.register_module()
class NonFiniteHook(Hook):
    """Acts on a non-finite loss or gradient before the step, and logs the norm of the gradient.

    The message gives the first module with a non-finite output, the images, the learning rate and
    the loss scale. The batch is saved with the weights in ``work_dir/non_finite``, and
    ``mmresnet replay`` computes it again.

    The norm is ``grad_norm`` in the log, as where mmengine clips gradients. It is not finite if a
    gradient is not, so that a step reads one number and the losses from the device.

    In float16 it is normal that gradients overflow: the scaler leaves such a step out and lowers
    the scale. Errors are a non-finite loss, and a scale below 1.

    Args:
        on_non_finite: "stop", or "skip": leave the step out in all processes, restore buffers such
            as BatchNorm's statistics, and go on. A step of accumulated gradients is left out with
            all of its iterations.
        max_consecutive: Number of skipped steps in succession after which it stops.
        max_total: Number of skipped steps of the run after which it stops.

    Raises:
        mmresnet.errors.TrainingError: By the training, to stop it.
    """

    priority = "LOW"  # after LoggerHook, before CheckpointHook

    def __init__(
        self, on_non_finite: str = "stop", max_consecutive: int = 3, max_total: int = 100
    ) -> None:
        if on_non_finite not in _POLICIES:
            raise UserValueError(
                f"on_non_finite is 'stop' or 'skip', not {on_non_finite!r}."
                f"{did_you_mean(on_non_finite, _POLICIES)}"
            )
        self.skip = on_non_finite == "skip"
        self.max_consecutive, self.max_total = max_consecutive, max_total
        self._consecutive = 0
        self._losses: dict[str, Tensor] = {}  # of the last forward pass
        self._logged: dict[str, Tensor] = {}  # what the iteration will return
        self._buffers: list[Tensor] = []  # of the model, and below their values before the step
        self._values: list[Tensor] = []
        self._batch: Any = None
        self._random_states: dict[str, Any] = {}
        self._left_out = False  # the step of this iteration
        self._spoiled: Explanation | None = None  # of the gradients accumulated so far
        self._handles: list[Any] = []

    def before_train(self, runner: Runner) -> None:
        """Watch the model and its optimizers."""
        self.after_train(runner)  # which an interrupted training did not come to
        model = without_wrapper(runner.model)
        self._handles = [model.register_forward_hook(self._keep_losses)]
        self._parse_losses: Any = model.parse_losses
        vars(model)["parse_losses"] = self._keep_logged
        for prefix, wrapper in optim_wrappers(runner.optim_wrapper):
            check = functools.partial(
                self._before_step, runner, wrapper, f"train/{prefix}grad_norm"
            )
            self._handles.append(wrapper.optimizer.register_step_pre_hook(check))
        if self.skip:
            self._buffers = list(model.buffers())
            self._values = [buffer.clone() for buffer in self._buffers]

    def after_train(self, runner: Runner) -> None:
        """Watch them no longer."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        vars(without_wrapper(runner.model)).pop("parse_losses", None)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Keep what computing the iteration again would take."""
        self._batch, self._random_states = data_batch, capture_random_states()
        self._left_out = False
        if self.skip and _between_steps(runner):
            for value, buffer in zip(self._values, self._buffers, strict=True):
                value.copy_(buffer)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Check what :meth:`_before_step` did not see: no step was taken in this iteration."""
        self._check_scale(runner)
        loss = float(torch.as_tensor((outputs or {}).get("loss", 0.0)).detach())
        if self._spoiled is None and not (self._left_out or math.isfinite(loss)):
            self._spoiled = self._explain(runner, f"loss {loss:g}")
        if self._spoiled is None:
            return
        if not self.skip or _between_steps(runner):  # the scaler has left the step out
            self._act(runner, [self._spoiled])
            self._spoiled = None
        self._restore_buffers()

    def _keep_losses(self, model: nn.Module, inputs: Any, output: Any) -> None:
        if model.training and torch.is_grad_enabled():
            with torch.no_grad():
                self._losses = losses_of(output)

    def _keep_logged(self, losses: Any) -> tuple[Tensor, dict[str, Tensor]]:
        total, self._logged = self._parse_losses(losses)
        return total, self._logged

    def _before_step(
        self, runner: Runner, wrapper: OptimWrapper, name: str, optimizer: Any, *_: Any
    ) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        gradients = [p.grad for p in parameters if p.grad is not None and not p.grad.is_sparse]
        if not gradients:
            return
        norm, *losses = self._read(runner, wrapper, name, gradients)
        bad_losses = [
            f"{n} {v:g}" for n, v in zip(self._losses, losses, strict=True) if not math.isfinite(v)
        ]
        several = get_world_size() > 1
        spoiled = self._spoiled is not None
        stop = bool(bad_losses) or not math.isfinite(norm) or spoiled
        if several and self.skip:
            stop = bool(all_reduce_max(stop, gradients[0]))
        if not stop:
            self._consecutive = 0
            return
        self._left_out = True
        shared = several and (self.skip or not math.isfinite(norm))  # it is so in all processes
        together = shared and not all_reduce_max(spoiled, gradients[0])
        what = ", ".join([*bad_losses, f"gradient norm {norm:g}"])
        explanation = self._spoiled or self._explain(runner, what, together)
        self._act(runner, all_gather_object(explanation) if shared else [explanation])
        self._spoiled = None
        self._restore_buffers()
        for parameter in parameters:
            parameter.grad = None  # which optimizers pass over

    def _read(
        self, runner: Runner, wrapper: OptimWrapper, name: str, gradients: list[Tensor]
    ) -> list[float]:
        """Return the norm of the gradients and the losses.

        What the iteration returns is read with them, so that whoever logs it need not ask the
        device once more.
        """
        device = gradients[0].device
        logged = {n: v for n, v in self._logged.items() if v.dtype == torch.float32}
        asked = [v.detach().to(device) for v in (*self._losses.values(), *logged.values())]
        if wrapper.clip_grad_kwargs and wrapper.grad_name == "grad_norm":  # it is computed already
            norm = runner.message_hub.get_scalar("train/grad_norm").current()
            values: list[float] = [norm, *(torch.stack(asked).tolist() if asked else [])]
        else:
            own = [own_part(gradient) for gradient in gradients]
            norms = torch.stack([n.float() for n in torch._foreach_norm(own)])
            values = torch.stack([gradient_norm(norms, gradients), *asked]).tolist()
            if math.isfinite(values[0]):  # the log has means, which would not be finite for long
                runner.message_hub.update_scalar(name, values[0])
        losses = 1 + len(self._losses)
        for key, value in zip(logged, values[losses:], strict=True):
            self._logged[key] = torch.tensor(value)
        self._logged = {}
        return values[:losses]

    def _explain(self, runner: Runner, what: str, together: bool = False) -> Explanation:
        save = not (self.skip and self._skipped(runner))  # of skipped steps, the first
        model = without_wrapper(runner.model)
        return explain(runner, model, what, self._batch, self._random_states, save, together)

    def _act(self, runner: Runner, explanations: list[Explanation]) -> None:
        """Stop, or count and report a step to be skipped."""
        found = [one for one in explanations if one.from_here] or explanations
        message = found[0].text
        shared = len(explanations) > 1
        if not self.skip:
            raise TrainingError(message, shared)
        self._consecutive += 1
        total = self._skipped(runner) + 1
        runner.message_hub.update_info("skipped_steps", total)
        for count, limit in (("_consecutive", "max_consecutive"), ("", "max_total")):
            number = self._consecutive if count else total
            allowed = getattr(self, limit)
            if number > allowed:
                order = " in succession" if count else ""
                raise TrainingError(
                    f"{number} steps{order} would be skipped, and {limit}={allowed}. {message}",
                    shared,
                )
        runner.logger.warning(f"Step skipped ({total} of at most {self.max_total}). {message}")

    def _skipped(self, runner: Runner) -> int:
        return int(runner.message_hub.get_info("skipped_steps", 0))  # checkpoints have it

    def _restore_buffers(self) -> None:
        with torch.no_grad():
            for buffer, value in zip(self._buffers, self._values, strict=True):
                buffer.copy_(value)

    def _check_scale(self, runner: Runner) -> None:
        for _, wrapper in optim_wrappers(runner.optim_wrapper):
            scale = loss_scale(wrapper)
            if scale is None:
                continue
            runner.message_hub.update_scalar("train/loss_scale", scale)
            if scale < 1:
                rate = next(iter(wrapper.get_lr().values()))[0]
                raise TrainingError(
                    f"The loss scale has fallen to {scale:g} in iteration {runner.iter + 1}: "
                    f"gradients overflow float16 at any scale. Learning rate {rate:g}: lower it, "
                    "clip gradients, or compute in bfloat16 or float32.",
                    shared=get_world_size() > 1,
                )


def _between_steps(runner: Runner) -> bool:
    """Return whether no gradients are accumulated for a step to come."""
    return all(wrapper.should_update() for _, wrapper in optim_wrappers(runner.optim_wrapper))


def all_reduce_max(value: bool, like: Tensor) -> bool:
    """Return whether ``value`` is true in any process."""
    flag = torch.tensor(int(value), device=like.device)
    all_reduce(flag, "max")
    return bool(flag)
