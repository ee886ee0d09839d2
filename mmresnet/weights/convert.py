"""Weights from any layout into another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserError, did_you_mean
from mmresnet.weights.checkpoint import Origin, origin_of, read
from mmresnet.weights.names.layouts import LAYOUTS, MMPRETRAIN, Layout
from mmresnet.weights.names.recognise import Recognised, recognise, unwrap
from mmresnet.weights.report import listed
from mmresnet.weights.temperature import temperature_of

if TYPE_CHECKING:
    from torch import Tensor

# mmresnet's own names are mmpretrain's. Files in Caffe2's layout are read, but not written.
TARGETS = {
    "mmresnet": MMPRETRAIN,
    **{name: layout for name, layout in LAYOUTS.items() if name not in ("caffe2", "cifar")},
}
EPS = 1e-5  # what BatchNorm adds to the variance, with every publisher


@dataclass(frozen=True)
class Converted:
    """Tensors in another layout.

    Attributes:
        tensors: By their new names; they share memory with those that they were made of.
        metadata: For a file of them: net, layouts, source, preprocessing, temperature.
        left_out: Names in the source of what does not belong to a ResNet and its classifier.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    left_out: list[str]


def convert(content: Mapping[str, Any], to: str, key: str | None = None) -> Converted:
    """Give the tensors of a ResNet the names of another layout; no value changes.

    Means of 0 and variances of 1 - eps are added to FrozenBatchNorm layers, which have none.

    Args:
        content: What a file of weights holds, in any layout.
        to: A key of ``TARGETS``.
        key: Where in the checkpoint the weights are, if it holds several.

    Raises:
        UserError: There is no such layout, no ResNet in the file, or a net that the other layout
            has no names, or its publisher no code, for.
        KeyError: There are no weights at ``key``.
    """
    if to not in TARGETS:
        raise UserError(
            f"There is no layout '{to}', but {', '.join(TARGETS)}.{did_you_mean(to, TARGETS)}"
        )
    target = TARGETS[to]
    tensors = unwrap(content, key)[0]
    found = recognise(tensors)
    if found is None:
        raise UserError(
            "There is no ResNet in the file: none of its tensors has a name of one in any layout "
            f"known here (its first: {listed(list(tensors)) or 'none'})."
        )
    _check(found, target, to)
    head = target.head_names()
    names = {
        key: target.prefix + _name(target, role, found, to) for role, key in found.keys.items()
    }
    names |= {key: head[role] for role, key in found.head.items()}
    names |= {key: target.prefix + inner for inner, key in found.others.items()}
    converted = {name: tensors[key] for key, name in names.items()}
    if not target.frozen_norm:
        converted |= _statistics(found, tensors, target)
    return Converted(
        converted,
        _metadata(found, origin_of(content), to, temperature_of(content)),
        [key for key in tensors if key not in names],
    )


def _check(found: Recognised, target: Layout, to: str) -> None:
    """Refuse a net that the target's publisher has no code for."""
    if found.for_cifar and to != "mmresnet":
        raise UserError(
            f"The file holds {found.describe()}, and the layout '{to}' has no net of three stages "
            "with a 3x3 stem; possible is mmresnet."
        )
    reason = None
    if found.avg_down and not target.avg_down:
        reason = "has no pool in its shortcuts"
    elif found.deep not in target.stems:
        reason = "has no stem of three convolutions"
    elif found.others and not target.avg_down:
        reason = f"has none of its operators and plugins ({listed(list(found.others))})"
    elif found.norm != "bn" and "{n}" not in "".join(row.name for row in target.rows):
        reason = f"does not say which norm layers there are ({found.norm.upper()} here)"
    if reason:
        able = [
            name
            for name, layout in TARGETS.items()
            if layout.avg_down or (not found.avg_down and found.deep in layout.stems)
        ]
        raise UserError(
            f"The file holds {found.describe()}, and the layout '{to}' {reason}; "
            f"possible are {', '.join(name for name in able if name != to)}."
        )


def _name(target: Layout, role: str, found: Recognised, to: str) -> str:
    name = target.name_of(role, found.net)
    if name is None:
        raise UserError(f"The layout '{to}' has no name for the tensor '{found.keys[role]}'.")
    return name


def _statistics(
    found: Recognised, tensors: Mapping[str, Tensor], target: Layout
) -> dict[str, Tensor]:
    """Return the running statistics that FrozenBatchNorm layers lack, and BatchNorm layers have."""
    if not found.layout.frozen_norm or any(role.endswith("running_var") for role in found.keys):
        return {}
    made = {}
    for role, key in found.keys.items():
        layer, _, parameter = role.rpartition(".")
        if "norm" in layer and parameter == "weight":
            for statistic, value in (("running_mean", 0.0), ("running_var", 1.0 - EPS)):
                name = target.name_of(f"{layer}.{statistic}", found.net)
                assert name is not None, "a layout without FrozenBatchNorm has names for both"
                made[target.prefix + name] = tensors[key].new_full(tensors[key].shape, value)
    return made


def _metadata(
    found: Recognised, origin: Origin, to: str, temperature: float | None
) -> dict[str, str]:
    known = {
        "net": found.describe(),
        "layout": to,
        "converted_from": found.layout.name,
        "source": origin.source,
        "style": origin.style or found.layout.style or "",
        "preprocessing": str(origin.preprocessing or ""),
        "temperature": "" if temperature is None else repr(temperature),
        "format": "pt",  # which transformers asks for
    }
    return {name: value for name, value in known.items() if value}


def convert_file(
    source: str | os.PathLike[str], target: str | os.PathLike[str], to: str, key: str | None = None
) -> Converted:
    """Write the weights of ``source`` to ``target`` under the names of another package.

    Args:
        source: A path, an address or a name, in any layout.
        target: A path that ends in ``.safetensors`` or ``.pth``.
        to: A key of :data:`TARGETS`.
        key: Where in the checkpoint the weights are, if it holds several.

    Returns:
        What was written, and the names of what was left out.

    Raises:
        UserError: The weights cannot be read, or the other package has no such net.
    """
    from mmresnet.weights.formats.files import write_weights

    converted = convert(read(source), to, key)
    # detectron2 looks for "model", and for the part of a detector that these names end in
    how: dict[str, Any] = {}
    if to == "detectron2":
        how = {"key": "model", "beside": {"matching_heuristics": True}}
    write_weights(target, converted.tensors, converted.metadata, **how)
    return converted


def join_file(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> int:
    """Write a folder that a sharded training has saved as one file, all of it.

    Returns:
        How many tensors were sharded.

    Raises:
        UserError: It is another folder, or damaged, or the file cannot be written.
    """
    import torch

    from mmresnet.atomic import atomic_write
    from mmresnet.weights.formats import sharded

    if not sharded.is_sharded(source):
        raise UserError(
            f"'{source}' is a folder that no sharded training has saved: give one such as "
            f"'epoch_1{sharded.SUFFIX}', or a file."
        )
    content = sharded.read_sharded(source)
    try:
        with atomic_write(target, "wb") as file:
            torch.save(content, file)
    except OSError as error:
        raise UserError(f"'{target}' cannot be written: {error.strerror}.") from error
    return len(sharded.shapes(source))
