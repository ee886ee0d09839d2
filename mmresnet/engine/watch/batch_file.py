"""The batch at which a training got a non-finite loss or gradient, as a file, and its replay."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.structures import BaseDataElement
from torch import nn

from mmresnet.atomic import atomic_write
from mmresnet.engine.assembly import build_model
from mmresnet.engine.resume.random_states import restore_random_states
from mmresnet.engine.watch.first_non_finite import NonFiniteOutput, forward
from mmresnet.engine.watch.plain_values import from_plain, to_plain
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import Tensor


@dataclass
class Replay:
    """One pass over a saved batch.

    Attributes:
        dtype: What was computed in: "float32", or the 16 bits of mixed precision.
        losses: By name.
        first: The first module with a non-finite output, or None.
        gradients: Names of the parameters with a non-finite gradient, the last layers first.
    """

    dtype: str
    losses: dict[str, float]
    first: NonFiniteOutput | None
    gradients: list[str]


def save_batch(path: Path, model: nn.Module, batch: Any, **facts: Any) -> None:
    """Write a batch with the weights of the model before it, and plain facts about it.

    The file is read with ``torch.load(path, weights_only=True)``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    with atomic_write(path, "wb") as file:
        torch.save({"batch": to_plain(batch), "model": state, **facts}, file)


def replay_batch(cfg: Config, path: str | os.PathLike[str], device: str = "cpu") -> list[Replay]:
    """Compute the losses and gradients of a saved batch again, in float32 and as in the training.

    Args:
        cfg: Of the training: the file of the config in its work directory.
        path: What the training wrote.
        device: "cpu" or "cuda".

    Raises:
        UserError: ``path`` is not such a file, or of another model.
    """
    content = _read(path)
    model = build_model(cfg).to(device).train()
    passes = {"float32": None, content["dtype"]: content["scale"]}
    replays = []
    for dtype, scale in passes.items():
        try:
            model.load_state_dict(content["model"])
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"'{path}' is not of the model of this config: {reason}") from error
        restore_random_states(content["random_states"])
        replays.append(_replay(model, from_plain(content["batch"]), dtype, scale))
    return replays


def describe(path: str | os.PathLike[str], replays: list[Replay]) -> str:
    """Return what a replay found, in a line for the batch and one or two for each pass."""
    content = _read(path)
    images = ", ".join(image_names(from_plain(content["batch"]))) or "a batch without image paths"
    lines = [f"Iteration {content['iteration']}, learning rate {content['lr']:g}: {images}"]
    for one in replays:
        losses = "  ".join(f"{name} {value:.4g}" for name, value in one.losses.items())
        lines.append(f"{one.dtype}: {losses}")
        if one.first:
            lines.append(f"  first non-finite output: {one.first.module}, {one.first.cause}")
        elif one.gradients:
            lines.append(f"  first non-finite gradient: {one.gradients[0]}")
        else:
            lines.append("  all outputs and gradients are finite")
    return "\n".join(lines)


def image_names(batch: Any) -> list[str]:
    """Return the paths of the images of a batch, or their ids where there is no path."""
    if isinstance(batch, dict):
        return [name for value in batch.values() for name in image_names(value)]
    if isinstance(batch, (list, tuple)):
        return [name for value in batch for name in image_names(value)]
    if isinstance(batch, BaseDataElement):
        for key in ("img_path", "img_id", "sample_idx"):
            if key in batch.metainfo_keys():
                return [str(batch.get(key))]
    return []


def batch_size(batch: Any) -> int:
    """Return the number of images of a batch."""
    inputs = batch["inputs"] if isinstance(batch, dict) and "inputs" in batch else batch
    if isinstance(inputs, dict):  # of several branches
        return sum(len(images) for images in inputs.values())
    return len(inputs)


def _replay(model: nn.Module, batch: Any, dtype: str, scale: float | None) -> Replay:
    model.zero_grad()
    with autocast(model, dtype):
        losses, first = forward(model, batch, batch_size(batch))
    if losses:
        total: Tensor = torch.stack(list(losses.values())).sum()
        (total * (scale or 1)).backward()
    gradients = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and not parameter.grad.isfinite().all()
    ]
    values = {name: loss.item() for name, loss in losses.items()}
    return Replay(dtype, values, first, gradients[::-1])


@contextlib.contextmanager
def autocast(model: nn.Module, dtype: str) -> Iterator[None]:
    """Compute in a dtype, given by its name, inside."""
    device = next(model.parameters()).device.type
    mixed: AbstractContextManager[Any] = contextlib.nullcontext()
    if dtype != "float32":
        mixed = torch.autocast(device, dtype=getattr(torch, dtype))
    with mixed:
        yield


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    if not Path(path).is_file():
        raise UserError(f"There is no file '{path}'; a training writes it in its work directory.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(f"'{path}' is not a saved batch: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict) or not {"batch", "model", "dtype"} <= content.keys():
        raise UserError(f"'{path}' is not a saved batch: name a file of a folder 'non_finite'.")
    return content
