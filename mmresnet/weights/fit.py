"""The tensors of a file under the names of a model, and a report of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserTypeError
from mmresnet.models.backbones.residual_net import ResidualNet
from mmresnet.weights.checkpoint import origin_of
from mmresnet.weights.coverage import (
    ALLOW,
    COUNTER,
    STATISTICS,
    Coverage,
    WeightsError,
    both_shapes,
    check_backbone,
    check_model,
    title,
)
from mmresnet.weights.names.match import HEAD, Match, match
from mmresnet.weights.names.recognise import unwrap
from mmresnet.weights.report import Fit, Report, listed

if TYPE_CHECKING:
    from torch import Tensor, nn


def backbones(model: nn.Module) -> dict[str, ResidualNet]:
    """Return the backbones of this package in a model, by what their names begin with."""
    return {
        f"{name}." if name else "": module
        for name, module in model.named_modules()
        if isinstance(module, ResidualNet)
    }


def fit(
    model: nn.Module,
    content: Mapping[str, Any],
    allow_partial: bool = False,
    key: str | None = None,
    prefix: str | None = None,
    coverage: Coverage = "backbone",
) -> Fit:
    """Give the tensors of a checkpoint the names that they have in ``model``.

    A backbone gets all of its tensors. A head may be for another number of classes, and then is
    left unchanged. Other parts, and models without a backbone of this package, get what bears their
    names. Arguments and errors are those of :func:`mmresnet.weights.load.load_weights`.
    """
    tensors, wrapper, alternatives = unwrap(content, key)
    if prefix:
        prefix = f"{prefix.removesuffix('.')}."
        inside = {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
        tensors = inside or tensors
    origin, prefixes = origin_of(content), backbones(model)
    if coverage == "backbone" and not prefixes:
        raise UserTypeError(f"{type(model).__name__} holds no backbone of mmresnet.")
    report = Report(
        origin.source,
        wrapper=wrapper,
        preprocessing=origin.preprocessing,
        recipe=origin.recipe,
        style=origin.style,
    )
    fitted = Fit(tensors, model.state_dict(), report)
    matches = match(fitted.state, prefixes, tensors)
    if len(matches) < len(prefixes):
        raise WeightsError(
            f"{title(origin.source)} holds no ResNet: none of its tensors has a name of one in any "
            f"layout known here (its first: {listed(list(tensors)) or 'none'})."
        )
    if matches:
        _describe(matches[0], report)
    for matched in matches:
        _fit_backbone(model, matched, fitted)
        if not allow_partial:
            check_backbone(matched, tensors, fitted.state, report)
    if matches:
        _fit_head(matches[0], fitted)
    _fit_others(matches, fitted)
    if report.shapes and matches and not allow_partial:
        raise WeightsError(
            f"{title(origin.source)} differs from the model in more than the number of classes: "
            f"{listed(report.shapes)}. {ALLOW}"
        )
    if coverage != "backbone":
        check_model(fitted, content, coverage)
    if alternatives:
        report.notes.append(f"The checkpoint also holds weights at {', '.join(alternatives)}.")
    return fitted


def _describe(matched: Match, report: Report) -> None:
    found = matched.found
    report.layout, report.net = found.layout.name, found.describe()
    report.wrapper = ".".join(part for part in (report.wrapper, found.prefix.rstrip(".")) if part)
    report.style = report.style or found.layout.style


def _fit_backbone(model: nn.Module, matched: Match, fitted: Fit) -> None:
    """Take the tensors of a backbone and its head; count the backbone's."""
    found, missing, report = matched.found, matched.missing, fitted.report
    fitted.state_dict |= {name: fitted.tensors[key] for name, key in matched.pairs.items()}
    fitted.shapes |= matched.shapes
    own = [*matched.own.keys.values(), *matched.own.others.values()]
    counted = [name for name in own if not name.endswith(COUNTER)]
    report.total += len(counted)
    report.loaded += sum(name in matched.pairs for name in counted)
    counters = [role for role in missing if role.endswith(COUNTER)]
    report.counters += len(counters)
    for role in counters:
        name = missing.pop(role)
        fitted.state_dict[name] = fitted.state[name].new_zeros(())
    if found.layout.frozen_norm and not any(role.endswith(STATISTICS) for role in found.keys):
        statistics = [role for role in missing if role.endswith(STATISTICS)]
        for role in statistics:
            name = missing.pop(role)
            fitted.state_dict[name] = _neutral(model, name)
        report.statistics += len(statistics)
        report.loaded += len(statistics)
    if not found.others:  # DCN's offsets, plugins: a plain net's file cannot have them
        added = [role for role in missing if role.startswith("other.")]
        report.added += [missing.pop(role) for role in added]
        report.total -= len(added)
    report.missing += [name for role, name in missing.items() if not role.startswith("head.")]


def _neutral(model: nn.Module, name: str) -> Tensor:
    """Return the statistic with which a norm layer is just its weight and bias.

    The layer adds ``eps`` to the variance, so that this is 1 - ``eps``, as in detectron2.
    """
    layer: Any = model.get_submodule(name.rpartition(".")[0])  # norm layers share no base class
    mean: Tensor = layer.running_mean
    return mean.new_full(mean.shape, 0.0 if name.endswith("mean") else 1.0 - layer.eps)


def _fit_head(matched: Match, fitted: Fit) -> None:
    """Report what became of the classifier."""
    state, report = fitted.state, fitted.report
    weight, key = f"{HEAD}weight", matched.found.head.get("head.weight")
    classes = None if key is None else len(fitted.tensors[key])
    halves = [name for role, name in matched.missing.items() if role.startswith("head.")]
    if weight not in state:
        if key is not None:
            report.head = f"the file's, for {classes} classes, has no place in the model"
    elif key is None:
        report.head = "the file has none; the model's is left unchanged"
    elif halves:
        report.shapes += [f"{name}: not in the file" for name in halves]
    elif not any(name.startswith(HEAD) for name in matched.shapes):
        report.head = f"loaded, for {len(state[weight])} classes"
    else:
        report.head = (
            f"for {classes} classes in the file and {len(state[weight])} in the model; "
            "the model's is left unchanged"
        )


def _fit_others(matches: list[Match], fitted: Fit) -> None:
    """Take what else bears a name of the model's; list what differs in shape or is left over."""
    tensors, state, report = fitted.tensors, fitted.state, fitted.report
    done = {*fitted.state_dict, *fitted.shapes}
    used = {
        key for matched in matches for key in (*matched.pairs.values(), *matched.shapes.values())
    }
    outer = ""
    for matched in matches:
        done |= {*matched.own.keys.values(), *matched.own.others.values()}
    if matches:
        done |= {name for name in state if name.startswith(HEAD)}
        outer = matches[0].found.prefix.removesuffix(matches[0].prefix)
    others = [name for name in state if name not in done]
    for name in others:
        key = outer + name
        if key in tensors:
            used.add(key)
            if tensors[key].shape == state[name].shape:
                fitted.state_dict[name] = tensors[key]
            else:
                fitted.shapes[name] = key
    for name, key in fitted.shapes.items():
        # in a head, another number of classes is no mistake
        in_head = "head" in name.split(".")[0] and tensors[key].shape[1:] == state[name].shape[1:]
        line = both_shapes(name, key, tensors, state)
        (report.replaced if in_head else report.shapes).append(line)
    report.others = (sum(name in fitted.state_dict for name in others), len(others))
    fitted.unused = [key for key in tensors if key not in used]
    named = {*matches[0].found.head.values()} if matches and report.head else set()
    report.left_over = [key for key in fitted.unused if key not in named]
