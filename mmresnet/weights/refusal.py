"""Weights that would fill only a part of a model: which part, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mmresnet.errors import UserError
from mmresnet.weights.names.match import HEAD, Match
from mmresnet.weights.report import Report, listed

if TYPE_CHECKING:
    from torch import Tensor

STATISTICS = (".running_mean", ".running_var")
ALLOW = (
    "To take what fits nevertheless: allow_partial=True, in a config "
    "init_cfg=dict(type='Pretrained', checkpoint=…, allow_partial=True)."
)


class WeightsError(UserError, RuntimeError):
    """Weights that would fill only a part of a model; torch's own error for that is its base."""


def refuse_partial(
    matched: Match, tensors: Mapping[str, Tensor], state: Mapping[str, Tensor], report: Report
) -> None:
    """Refuse weights that leave a tensor of the backbone as it is, or that are another net's."""
    own, found = matched.own, matched.found
    missing = [name for role, name in matched.missing.items() if not role.startswith("head.")]
    shapes = [
        shapes_of(name, key, tensors, state)
        for name, key in matched.shapes.items()
        if not name.startswith(HEAD)
    ]
    stages = len(own.blocks)
    extra = [
        key
        for role, key in matched.left_over.items()
        if role.startswith("stem")
        or (role.startswith("stage") and int(role[5 : role.index(".")]) <= stages)
    ]
    pool_differs = None not in (own.avg_down, found.avg_down) and own.avg_down != found.avg_down
    if not (missing or shapes or extra or pool_differs):
        return
    parts = [
        f"{len(names)} {what} ({listed(names)})"
        for names, what in (
            (missing, "are missing in it"),
            (shapes, "have another shape"),
            (extra, "of the file have no place in the model"),
        )
        if names
    ]
    raise WeightsError(
        f"{named(report.source)} would fill {report.loaded} of the {report.total} tensors of the "
        f"backbone{': ' if parts else ''}{', '.join(parts)}. {_reason(matched, missing)} {ALLOW}"
    )


def _reason(matched: Match, missing: list[str]) -> str:
    """Return the most likely one, in a sentence."""
    own, found = matched.own, matched.found
    ours, theirs = own.describe(), found.describe()
    if ours != theirs:
        return f"The file is of another net: it holds {theirs}, and the model has {ours}."
    if missing and all(name.endswith(STATISTICS) for name in missing):
        return "Its norm layers are probably of another kind: they have no running statistics."
    if any(role.endswith(STATISTICS) for role in matched.left_over):
        return "Its norm layers are of another kind: BatchNorm has running statistics."
    if matched.shapes:
        return "The nets probably differ in width (base_channels, stem_channels, in_channels)."
    return "The file was probably cut down."


def shapes_of(
    name: str, key: str, tensors: Mapping[str, Tensor], state: Mapping[str, Tensor]
) -> str:
    """Say how a tensor of the file differs from the model's."""
    return f"{name}: file {tuple(tensors[key].shape)}, model {tuple(state[name].shape)}"


def named(source: str) -> str:
    """Return what to call weights in a sentence."""
    return f"'{source}'" if source else "The state dict"
