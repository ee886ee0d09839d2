"""Which module gave the first infinite or NaN output: one more forward pass with hooks."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmresnet.engine.resume.random_states import capture_random_states, restore_random_states


@dataclass
class NonFiniteOutput:
    """The first module of a forward pass whose output is not finite.

    Attributes:
        module: Its name and type.
        cause: What is known of its input and its weights.
        rows: Indices of the images of the batch with such an output; none where outputs are not by
            image.
    """

    module: str
    cause: str
    rows: list[int]


def losses_of(output: object) -> dict[str, Tensor]:
    """Return the losses that a model gave in mode "loss", as mmengine finds them: by name."""
    if not isinstance(output, dict):
        return {}
    losses = {}
    for name, value in output.items():
        parts = [value] if isinstance(value, Tensor) else value
        if "loss" in str(name) and isinstance(parts, (list, tuple)) and parts:
            losses[str(name)] = torch.stack([part.float().mean() for part in parts]).sum()
    return losses


def run_again(
    model: nn.Module,
    batch: Any,
    random_states: dict[str, Any],
    context: AbstractContextManager[Any],
    size: int,
) -> NonFiniteOutput | None:
    """Repeat a forward pass of the training, and return the first non-finite output.

    The buffers of the model and the random generators are left as they were.

    Args:
        model: Without a wrapper for parallel training.
        batch: As the data loader gave it.
        random_states: Those before the pass.
        context: Of mixed precision.
        size: Number of images in the batch.
    """
    before = capture_random_states()
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    restore_random_states(random_states)
    try:
        with torch.no_grad(), context:
            return forward(model, batch, size)[1]
    finally:
        restore_random_states(before)
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)


def forward(
    model: nn.Module, batch: Any, size: int
) -> tuple[dict[str, Tensor], NonFiniteOutput | None]:
    """Return the losses of a batch and the first non-finite output.

    It communicates with no other process: synchronized BatchNorm has the statistics of this one.
    """
    found: list[NonFiniteOutput] = []

    def look(name: str, module: nn.Module, inputs: Any, kwargs: Any, output: Any) -> None:
        if not found and not all_finite(output):
            found.append(_describe(name, module, (inputs, kwargs), output, size))

    with ExitStack() as stack:
        for name, module in model.named_modules():
            handle = module.register_forward_hook(functools.partial(look, name), with_kwargs=True)
            stack.callback(handle.remove)
            stack.enter_context(_without_communication(module))
        data: Any = model.get_submodule("data_preprocessor")(batch, True)
        output = model(**data, mode="loss") if isinstance(data, dict) else model(*data, mode="loss")
    return losses_of(output), found[0] if found else None


def all_finite(value: object) -> bool:
    """Return whether all numbers in tensors, collections and data elements are finite."""
    if isinstance(value, Tensor):
        return not value.is_floating_point() or bool(value.isfinite().all())
    if isinstance(value, dict):
        return all(map(all_finite, value.values()))
    if isinstance(value, BaseDataElement):
        return all(map(all_finite, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(all_finite, value))
    return True


def _describe(name: str, module: nn.Module, inputs: Any, output: Any, size: int) -> NonFiniteOutput:
    own = list(module.parameters(recurse=False))
    if not all_finite(own):
        cause = "with non-finite weights"
    elif not all_finite(inputs):
        cause = "from non-finite input"
    else:
        cause = "from finite input"
    rows = sorted(_bad_rows(output, size))
    return NonFiniteOutput(f"{name or 'the model'} ({type(module).__name__})", cause, rows)


def _bad_rows(value: object, size: int) -> set[int]:
    """Return the indices of the images with a non-finite output, where outputs have these."""
    if isinstance(value, Tensor):
        if value.shape[:1] != (size,) or not value.is_floating_point():
            return set()
        finite = value.detach().isfinite().reshape(size, -1).all(1)
        return set((~finite).nonzero().flatten().tolist())
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        if len(value) == size and all(isinstance(v, Tensor) and v.ndim == 3 for v in value):
            return {index for index, image in enumerate(value) if not all_finite(image)}
        return set().union(*(_bad_rows(item, size) for item in value))
    return set()


@contextmanager
def _without_communication(module: nn.Module) -> Iterator[None]:
    """Let a synchronized BatchNorm, torch's or mmcv's, be a plain one inside."""
    if isinstance(module, nn.SyncBatchNorm):
        own: dict[str, Any] = {"forward": functools.partial(_BatchNorm.forward, module)}
    elif type(module).__name__ == "SyncBatchNorm":  # mmcv's
        own = {"group_size": 1}
    else:
        own = {}
    before = dict(module.__dict__)
    module.__dict__.update(own)
    try:
        yield
    finally:
        for name in own:
            module.__dict__.pop(name)
            module.__dict__.update({name: before[name]} if name in before else {})
