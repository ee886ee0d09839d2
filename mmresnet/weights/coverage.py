"""How much of a model a file has to fill, and the error where it fills less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from mmresnet.errors import UserError
from mmresnet.weights.checkpoint import trained_classes
from mmresnet.weights.names.match import HEAD, Match
from mmresnet.weights.report import Fit, Report, listed

if TYPE_CHECKING:
    from torch import Tensor

# The backbone; all but classification and box heads, which may be for other classes; everything.
Coverage = Literal["backbone", "all_but_heads", "all"]

STATISTICS = (".running_mean", ".running_var")
COUNTER = ".num_batches_tracked"
ALLOW = (
    "To load what fits nevertheless: allow_partial=True, in a config "
    "init_cfg=dict(type='Pretrained', checkpoint=…, allow_partial=True)."
)
_CLASSIFIER_HEADS = ("head.", "fc.")
_DETECTOR_HEADS = ("bbox_head.", "roi_head.")


class WeightsError(UserError, RuntimeError):
    """Weights that would fill only a part of a model; torch's own error for that is its base."""


def check_backbone(
    matched: Match, tensors: Mapping[str, Tensor], state: Mapping[str, Tensor], report: Report
) -> None:
    """Refuse weights that leave a tensor of the backbone unfilled, or that are another net's."""
    own, found = matched.own, matched.found
    missing = [name for role, name in matched.missing.items() if not role.startswith("head.")]
    shapes = [
        both_shapes(name, key, tensors, state)
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
        f"{title(report.source)} would fill {report.loaded} of the {report.total} tensors of the "
        f"backbone{': ' if parts else ''}{', '.join(parts)}. {_reason(matched, missing)} {ALLOW}"
    )


def _reason(matched: Match, missing: list[str]) -> str:
    """Return the most likely reason for a difference."""
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


def check_model(fit: Fit, content: Mapping[str, Any], coverage: Coverage) -> None:
    """Refuse weights that leave a part of the model unfilled, or are of a larger one.

    What stays of a head is noted in the report.
    """
    source, state = title(fit.report.source, "The checkpoint "), fit.state
    is_detector = any(name.startswith(_DETECTOR_HEADS) for name in state)
    heads = _DETECTOR_HEADS if is_detector else _CLASSIFIER_HEADS
    missing = sorted(
        name
        for name in state
        if name not in fit.state_dict and name not in fit.shapes and not name.endswith(COUNTER)
    )
    unexpected, shapes = sorted(fit.unused), sorted(fit.shapes)
    of_heads = [name for name in (*missing, *shapes) if name.startswith(heads)]
    if coverage == "all_but_heads":
        missing, unexpected, shapes = (
            [name for name in names if not name.startswith(heads)]
            for names in (missing, unexpected, shapes)
        )
    if missing or unexpected or shapes:
        if is_detector and not (missing or unexpected) and all(n.startswith(heads) for n in shapes):
            raise WeightsError(_other_classes(fit, content, source, shapes[0]))
        hint = "use the config that it was trained with."
        if (
            is_detector
            and coverage == "all_but_heads"
            and not any(key.startswith(heads) for key in fit.tensors)
        ):
            hint = (
                "weights of a backbone alone are given by model.backbone.init_cfg="
                "dict(type='Pretrained', prefix='backbone.', checkpoint=…)."
            )
        raise WeightsError(
            f"{source} is of another architecture: {len(missing)} tensors are missing, "
            f"{len(unexpected)} unexpected, {len(shapes)} of another shape (the first: "
            f"{(shapes or missing or unexpected)[0]}); {hint}"
        )
    if of_heads:
        fit.report.notes.append(
            f"{len(of_heads)} tensors of the head are not in the checkpoint with this shape and "
            f"are trained from scratch (the first: {of_heads[0]})."
        )
    for name, tensor in fit.state_dict.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise WeightsError(
                f"{source} holds values that are infinite or NaN (the first: {name}): its training "
                "has diverged; use an earlier one."
            )


def _other_classes(fit: Fit, content: Mapping[str, Any], source: str, name: str) -> str:
    classes = trained_classes(content)
    names = listed([f"'{name}'" for name in classes or ()])
    trained_on = f", trained on {names}," if names else ""
    return (
        f"{source}{trained_on} is for another number of classes: its {name} has "
        f"{tuple(fit.tensors[fit.shapes[name]].shape)} elements, and the model's "
        f"{tuple(fit.state[name].shape)}; use its own data, or the num_classes that it was trained "
        "with."
    )


def both_shapes(
    name: str, key: str, tensors: Mapping[str, Tensor], state: Mapping[str, Tensor]
) -> str:
    """Return how a tensor of the file differs from the model's."""
    return f"{name}: file {tuple(tensors[key].shape)}, model {tuple(state[name].shape)}"


def title(source: str, before: str = "") -> str:
    """Return what to call weights in a message."""
    return f"{before}'{source}'" if source else "The state dict"
