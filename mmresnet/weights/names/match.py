"""Which tensor of a file belongs to which of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mmresnet.weights.any_layout import AnyLayout
from mmresnet.weights.names.recognise import Recognised, recognise

if TYPE_CHECKING:
    from torch import Tensor, nn

HEAD = "head.fc."  # the classifier of our heads, and of mmpretrain's


@dataclass
class Match:
    """A backbone in a model, and the ResNet in a file, tensor by tensor.

    Attributes:
        backbone: The backbone, and ``prefix``, what its names begin with in the model.
        own: The roles of its tensors.
        found: Those of the file's, or None if there is no ResNet in it.
        pairs: What fits: name in the model to name in the file.
        shapes: What is in both, but with different shapes.
        missing: Roles of the backbone that the file has not, with their names in the model.
        left_over: Roles of the file that the backbone has not, with their names in the file.
    """

    backbone: AnyLayout
    prefix: str
    own: Recognised
    found: Recognised | None
    pairs: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    left_over: dict[str, str] = field(default_factory=dict)


def backbones(model: nn.Module) -> dict[str, AnyLayout]:
    """Return the backbones of this package in a model, by what their names begin with."""
    return {
        f"{name}." if name else "": module
        for name, module in model.named_modules()
        if isinstance(module, AnyLayout)
    }


def match(model: nn.Module, tensors: Mapping[str, Tensor]) -> Iterator[Match]:
    """Yield a match for each backbone in ``model``; the first also pairs a classifier's head.

    Args:
        tensors: By name, in any layout.
    """
    state = model.state_dict()
    for number, (prefix, backbone) in enumerate(backbones(model).items()):
        inside = bool(prefix) and any(name.startswith(prefix) for name in tensors)
        found = recognise(tensors, within=prefix if inside else "")
        own = recognise(state, within=prefix)
        assert own is not None, f"{type(backbone).__name__} has other names than our nets have"
        matched = Match(backbone, prefix, own, found)
        if found is not None:
            wanted, given = _places(own), _places(found)
            if number == 0:
                wanted |= {
                    f"head.{name.removeprefix(HEAD)}": name
                    for name in state
                    if name.startswith(HEAD)
                }
                given |= found.head
            _pair(matched, wanted, given, state, tensors)
        yield matched


def translate(model: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return all the tensors, those of backbones and classifier under the model's names."""
    names = {
        key: name
        for matched in match(model, tensors)
        for name, key in {**matched.pairs, **matched.shapes}.items()
    }
    return {names.get(key, key): tensor for key, tensor in tensors.items()}


def _places(found: Recognised) -> dict[str, str]:
    return {**found.keys, **{f"other.{name}": key for name, key in found.others.items()}}


def _pair(
    matched: Match,
    wanted: Mapping[str, str],
    given: Mapping[str, str],
    state: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
) -> None:
    for role, name in wanted.items():
        key = given.get(role)
        if key is None:
            matched.missing[role] = name
        elif tensors[key].shape == state[name].shape:
            matched.pairs[name] = key
        else:
            matched.shapes[name] = key
    matched.left_over = {role: key for role, key in given.items() if role not in wanted}
