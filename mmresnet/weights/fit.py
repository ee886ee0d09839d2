"""The tensors of a file under the names of a model: all of the backbone's, or a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserTypeError
from mmresnet.weights.names.match import HEAD, Match, match
from mmresnet.weights.names.recognise import unwrap
from mmresnet.weights.origin import origin_of
from mmresnet.weights.refusal import (
    ALLOW,
    STATISTICS,
    WeightsError,
    named,
    refuse_partial,
    shapes_of,
)
from mmresnet.weights.report import Report, listed

if TYPE_CHECKING:
    from torch import Tensor, nn

_COUNTER = ".num_batches_tracked"


@dataclass(frozen=True)
class Fit:
    """Tensors under the model's names, and what is to be said of them."""

    state_dict: dict[str, Tensor]
    report: Report


def fit(
    model: nn.Module,
    content: Mapping[str, Any],
    allow_partial: bool = False,
    key: str | None = None,
) -> Fit:
    """Give the tensors of a checkpoint the names that they have in ``model``.

    The backbone gets all of its tensors. A head may be for another number of classes, and then
    keeps what it has. Other parts get what bears their names.

    Args:
        model: A backbone of this package, or a model around one.
        content: What the file holds, in any layout and wrapper.
        allow_partial: Take what fits, whatever is missing or has another shape.
        key: Where in the checkpoint the weights are, if it holds several.

    Raises:
        WeightsError: Fewer than all tensors of the backbone would be filled, or a part of the model
            differs in more than the number of classes.
        KeyError: There are no weights at ``key``.
        TypeError: ``model`` holds no backbone of this package.
    """
    tensors, wrapper, alternatives = unwrap(content, key)
    state = model.state_dict()
    fitted: dict[str, Tensor] = {}
    matches = list(match(model, tensors))
    if not matches:
        raise UserTypeError(f"{type(model).__name__} holds no backbone of mmresnet.")
    if any(matched.found is None for matched in matches):
        raise WeightsError(
            f"{named(origin_of(tensors).source)} holds no ResNet: none of its tensors has a name "
            f"of one in any layout known here (its first: {listed(list(tensors)) or 'none'})."
        )
    report = _new_report(matches[0], tensors, wrapper)
    for matched in matches:
        _fill(matched, tensors, state, fitted, report)
        if not allow_partial:
            refuse_partial(matched, tensors, state, report)
    _fit_head(matches[0], tensors, state, report)
    _fit_others(matches, tensors, state, fitted, report)
    if report.shapes and not allow_partial:
        raise WeightsError(
            f"{named(report.source)} differs from the model in more than the number of classes: "
            f"{listed(report.shapes)}. {ALLOW}"
        )
    if alternatives:
        report.notes.append(f"The checkpoint also holds weights at {', '.join(alternatives)}.")
    return Fit(fitted, report)


def _new_report(matched: Match, tensors: Mapping[str, Tensor], wrapper: str) -> Report:
    origin, found = origin_of(tensors), matched.found
    where = ".".join(part for part in (wrapper, found.prefix.rstrip(".")) if part)
    report = Report(origin.source, found.layout.name, where, found.describe())
    report.preprocessing, report.recipe = origin.preprocessing, origin.recipe
    report.style = origin.style or found.layout.style
    return report


def _fill(
    matched: Match,
    tensors: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    fitted: dict[str, Tensor],
    report: Report,
) -> None:
    """Take the tensors of a backbone and its head; count the backbone's."""
    found, missing = matched.found, matched.missing
    fitted.update({name: tensors[key] for name, key in matched.pairs.items()})
    own = [*matched.own.keys.values(), *matched.own.others.values()]
    counted = [name for name in own if not name.endswith(_COUNTER)]
    report.total += len(counted)
    report.loaded += sum(name in matched.pairs for name in counted)
    counters = [role for role in missing if role.endswith(_COUNTER)]
    report.counters += len(counters)
    for role in counters:
        name = missing.pop(role)
        fitted[name] = state[name].new_zeros(())
    statistics = [role for role in missing if role.endswith(STATISTICS)]
    affine_only = not any(role.endswith(STATISTICS) for role in found.keys)
    if affine_only and found.layout.frozen_norm:
        for role in statistics:
            name = missing.pop(role)
            fitted[name] = _neutral(matched.backbone, name[len(matched.prefix) :])
        report.statistics += len(statistics)
        report.loaded += len(statistics)
    if not found.others:  # DCN's offsets, plugins: a plain net's file cannot have them
        added = [role for role in missing if role.startswith("other.")]
        report.added += [missing.pop(role) for role in added]
        report.total -= len(added)
    report.missing += [name for role, name in missing.items() if not role.startswith("head.")]


def _neutral(backbone: nn.Module, name: str) -> Tensor:
    """Return the statistic with which a norm layer is just its weight and bias.

    The layer adds ``eps`` to the variance, so that this is 1 - ``eps``, as in detectron2.
    """
    layer = backbone.get_submodule(name.rpartition(".")[0])
    mean = layer.running_mean
    return mean.new_full(mean.shape, 0.0 if name.endswith("mean") else 1.0 - layer.eps)


def _fit_head(
    matched: Match, tensors: Mapping[str, Tensor], state: Mapping[str, Tensor], report: Report
) -> None:
    """Say what became of the classifier."""
    weight = f"{HEAD}weight"
    key = matched.found.head.get("head.weight")
    if weight not in state:
        if key is not None:
            report.head = f"the file's, for {len(tensors[key])} classes, has no place in the model"
        return
    if key is None:
        report.head = "the file has none; the model's stays as it is"
    elif any(role.startswith("head.") for role in matched.missing):
        halves = [name for role, name in matched.missing.items() if role.startswith("head.")]
        report.shapes += [f"{name}: not in the file" for name in halves]
    elif not any(name.startswith(HEAD) for name in matched.shapes):
        report.head = f"loaded, for {len(state[weight])} classes"
    else:
        report.head = (
            f"for {len(tensors[key])} classes in the file and {len(state[weight])} in the model; "
            "the model's stays as it is"
        )


def _fit_others(
    matches: list[Match],
    tensors: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    fitted: dict[str, Tensor],
    report: Report,
) -> None:
    """Take what else bears a name of the model's; list what has another shape or is left over."""
    found, prefix = matches[0].found, matches[0].prefix
    outer = found.prefix.removesuffix(prefix) if found.prefix.endswith(prefix) else found.prefix
    done = set(fitted)
    for matched in matches:
        done |= {*matched.own.keys.values(), *matched.own.others.values(), *matched.shapes}
        for name, key in matched.shapes.items():
            _note_shape(name, key, tensors, state, report)
    others = [name for name in state if name not in done and not name.startswith(HEAD)]
    used = {
        key for matched in matches for key in (*matched.pairs.values(), *matched.shapes.values())
    }
    for name in others:
        key = outer + name
        if key in tensors and tensors[key].shape == state[name].shape:
            fitted[name] = tensors[key]
            used.add(key)
        elif key in tensors:
            _note_shape(name, key, tensors, state, report)
            used.add(key)
    report.others = (sum(name in fitted for name in others), len(others))
    if report.head:  # which tells of the file's
        used |= set(found.head.values())
    report.left_over = [key for key in tensors if key not in used]


def _note_shape(
    name: str, key: str, tensors: Mapping[str, Tensor], state: Mapping[str, Tensor], report: Report
) -> None:
    """List a tensor of another shape; in a head, with another number of classes, as replaced."""
    in_head = "head" in name.split(".")[0]
    if in_head and tensors[key].shape[1:] == state[name].shape[1:]:
        report.replaced.append(shapes_of(name, key, tensors, state))
    else:
        report.shapes.append(shapes_of(name, key, tensors, state))
