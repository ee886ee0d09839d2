"""Which tensor of a file belongs to which of a model, by their roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mmresnet.weights.names.recognise import Recognised, recognise

if TYPE_CHECKING:
    from torch import Tensor

HEAD = "head.fc."  # the classifier of our heads, and of mmpretrain's


@dataclass
class Match:
    """A backbone in a model, and the ResNet in a file, tensor by tensor.

    Attributes:
        prefix: What the backbone's names begin with in the model.
        own: The roles of its tensors.
        found: Those of the file's.
        pairs: What fits: name in the model to name in the file.
        shapes: What is in both, but with different shapes.
        missing: Roles of the backbone that the file lacks, with their names in the model.
        left_over: Roles of the file that the backbone lacks, with their names in the file.
    """

    prefix: str
    own: Recognised
    found: Recognised
    pairs: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    left_over: dict[str, str] = field(default_factory=dict)


def match(
    state: Mapping[str, Tensor], backbones: Iterable[str], tensors: Mapping[str, Tensor]
) -> list[Match]:
    """Return a match for each backbone of a model that the file has a ResNet for.

    That of the first backbone also pairs a classifier's head.

    Args:
        state: The model's state dict.
        backbones: What the names of its backbones begin with, such as ``"backbone."``.
        tensors: Those of a file by name, in any layout.
    """
    matches: list[Match] = []
    for index, prefix in enumerate(backbones):
        inside = bool(prefix) and any(name.startswith(prefix) for name in tensors)
        found = recognise(tensors, within=prefix if inside else "")
        own = recognise(state, within=prefix)
        assert own is not None, f"the names after '{prefix}' are not those of our backbones"
        if found is None:
            continue
        wanted, given = _places(own), _places(found)
        if index == 0:
            heads = (name for name in state if name.startswith(HEAD))
            wanted |= {f"head.{name.removeprefix(HEAD)}": name for name in heads}
            given |= found.head
        matches.append(Match(prefix, own, found))
        _pair(matches[-1], wanted, given, state, tensors)
    return matches


def translate(
    state: Mapping[str, Tensor],
    backbones: Iterable[str],
    tensors: MutableMapping[str, Tensor],
    prefix: str = "",
) -> None:
    """Give the tensors of backbones and classifier the names that they have in the model, in place.

    Args:
        state: The model's state dict, without ``prefix``.
        backbones: As :func:`match` takes them.
        tensors: Those of a file; only the ones whose names begin with ``prefix`` are renamed.
    """
    given = {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
    if state.keys() >= given.keys():
        return
    names = {
        key: name
        for matched in match(state, backbones, given)
        for name, key in {**matched.pairs, **matched.shapes}.items()
    }
    for key in given:
        del tensors[prefix + key]
    for key, tensor in given.items():
        tensors[prefix + names.get(key, key)] = tensor


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
