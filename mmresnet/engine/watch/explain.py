"""What a message says of a non-finite loss or gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size

from mmresnet.engine.watch.batch_file import autocast, batch_size, image_names, save_batch
from mmresnet.engine.watch.first_non_finite import NonFiniteOutput, run_again
from mmresnet.engine.watch.wrappers import optim_wrappers
from mmresnet.weights.sharded_models import is_shard, own_part

if TYPE_CHECKING:
    from mmengine.optim import OptimWrapper
    from mmengine.runner import Runner
    from torch import nn

_NAMES = 4  # of images in a message
_SHARDED = "the weights are sharded, and the step is not computed again to find its first output"


@dataclass
class Explanation:
    """Why a loss or gradient is not finite.

    Attributes:
        text: For a message.
        from_here: Whether it came from the batch of this process.
    """

    text: str
    from_here: bool


def explain(
    runner: Runner,
    model: nn.Module,
    what: str,
    batch: Any,
    random_states: dict[str, Any],
    save: bool,
    together: bool = False,
) -> Explanation:
    """Explain a non-finite loss or gradient of the current iteration.

    Args:
        runner: Of the training.
        model: Its model without a wrapper.
        what: What is not finite.
        batch: As the data loader gave it.
        random_states: Those before the forward pass.
        save: Save the batch.
        together: All processes call this, which sharded weights need.
    """
    wrapper = optim_wrappers(runner.optim_wrapper)[0][1]
    rate, scale = next(iter(wrapper.get_lr().values()))[0], loss_scale(wrapper)
    where = f"iteration {runner.iter + 1} (epoch {runner.epoch + 1})"
    process = f" in process {get_rank()}" if get_world_size() > 1 else ""
    dtype, size = computing_dtype(wrapper), batch_size(batch)
    with _whole(runner, model, together) as whole:
        first, from_here, origin = None, True, _SHARDED
        if whole is not None:
            first = run_again(whole, batch, random_states, autocast(whole, dtype), size)
            from_here = first is not None or get_world_size() == 1
            origin = _origin(first, non_finite_gradients(model))
        parts = [
            f"Non-finite {what} in {where}{process}: {origin}.",
            f"Learning rate {rate:g}{'' if scale is None else f', loss scale {scale:g}'}.",
            _images(batch, size, first),
        ]
        if save and from_here and whole is not None:
            facts = {
                "iteration": runner.iter + 1,
                "lr": rate,
                "scale": scale,
                "dtype": dtype,
                "random_states": random_states,
            }
            parts.append(_save(runner, whole, batch, facts))
    return Explanation(" ".join(filter(None, parts)), from_here)


@contextmanager
def _whole(runner: Runner, model: nn.Module, together: bool) -> Iterator[nn.Module | None]:
    """Yield the model with whole weights, or None where they would need the other processes."""
    if not _sharded(model):
        yield model
    elif not together:
        yield None
    else:
        replica: Any = runner.replica
        with replica.filled() as whole:
            for one, sharded in zip(whole.modules(), model.modules(), strict=True):
                one.training = sharded.training
            yield whole


def non_finite_gradients(model: nn.Module) -> list[str]:
    """Return the names of the parameters with a non-finite gradient, the last layers first.

    If weights are sharded, all processes call this, each of which has a part of each gradient.
    """
    named = list(model.named_parameters())
    bad = {
        name
        for name, parameter in named
        if parameter.grad is not None and not own_part(parameter.grad).isfinite().all()
    }
    if _sharded(model):
        bad = {name for of_process in all_gather_object(bad) for name in of_process}
    return [name for name, _ in reversed(named) if name in bad]


def _sharded(model: nn.Module) -> bool:
    return any(is_shard(parameter) for parameter in model.parameters())


def computing_dtype(wrapper: OptimWrapper) -> str:
    """Return the name of the dtype that a model computes in under a wrapper, ours or mmengine's."""
    if not hasattr(wrapper, "loss_scaler"):
        return "float32"
    dtype = getattr(wrapper, "dtype", None) or getattr(wrapper, "cast_dtype", None)
    return str(dtype or torch.float16).removeprefix("torch.")


def loss_scale(wrapper: OptimWrapper) -> float | None:
    """Return the scale of the loss in float16, or None where it is not scaled."""
    scaler = getattr(wrapper, "loss_scaler", None)
    return scaler.get_scale() if scaler is not None and scaler.is_enabled() else None


def _origin(first: NonFiniteOutput | None, gradients: list[str]) -> str:
    if first is not None:
        return f"the first non-finite output is that of {first.module}, {first.cause}"
    if gradients:
        return f"all outputs are finite; the first non-finite gradient is that of {gradients[0]}"
    return "all outputs and gradients are finite, and their sum overflows"


def _images(batch: Any, size: int, first: NonFiniteOutput | None) -> str:
    names = image_names(batch)
    if first is not None and first.rows and len(names) == size:
        names = [names[row] for row in first.rows]
    if not names:
        return ""
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return f"Images: {', '.join(names[:_NAMES])}{more}."


def _save(runner: Runner, model: nn.Module, batch: Any, facts: dict[str, Any]) -> str:
    rank = f"_rank{get_rank()}" if get_rank() else ""
    path = Path(runner.work_dir, "non_finite", f"iter_{facts['iteration']}{rank}.pth")
    filename = runner.cfg.filename
    config = Path(runner.work_dir, Path(filename).name if filename else f"{runner.timestamp}.py")
    try:
        save_batch(path, model, batch, **facts)
    except OSError as error:
        return f"The batch could not be saved: {error}."
    return f"To compute it again: mmresnet replay {config} {path}"
