"""Recognizing the layout of a file's tensors, and which ResNet they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserKeyError
from mmresnet.weights.names.layouts import LAYOUTS, Layout, Net

if TYPE_CHECKING:
    from torch import Tensor

# Where training programs put the weights in their checkpoints. The averaged ones come last: they
# are taken where there are no others, and named in the report where there are.
WRAPPERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "blobs",
    "module",
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
)
_WRAPPING_MODULES = ("module.", "_orig_mod.")  # DistributedDataParallel, torch.compile
_DEPTHS = {
    (False, (2, 2, 2, 2)): 18,
    (False, (3, 4, 6, 3)): 34,
    (True, (3, 4, 6, 3)): 50,
    (True, (3, 4, 23, 3)): 101,
    (True, (3, 8, 36, 3)): 152,
}


@dataclass(frozen=True)
class Recognised:
    """A ResNet found among the tensors of a file.

    Attributes:
        layout: Whose names they are.
        prefix: What stands before the names of the backbone.
        keys: The backbone's tensors: role to name.
        head: The classifier's: role to name.
        others: The backbone's that no table has (operators, plugins): name without prefix to name.
        deep: Its stem has three convolutions.
        avg_down: There is a pool in its shortcuts; None where names do not tell.
        norm: Its kind of norm layer, by mmcv's abbreviation.
        small_stem: Its stem is one 3×3 convolution, as for images of CIFAR.
    """

    layout: Layout
    prefix: str
    keys: dict[str, str]
    head: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    deep: bool = False
    avg_down: bool | None = None
    norm: str = "bn"
    small_stem: bool = False

    @property
    def blocks(self) -> tuple[int, ...]:
        """How many blocks each stage has, the absent ones 0."""
        seen: dict[int, int] = {}
        for role in self.keys:
            if role.startswith("stage"):
                stage, block, _ = role.split(".", 2)
                number = int(stage.removeprefix("stage"))
                seen[number] = max(seen.get(number, 0), int(block) + 1)
        return tuple(seen.get(number, 0) for number in range(1, max(seen, default=0) + 1))

    @property
    def bottleneck(self) -> bool:
        """Whether its blocks have three convolutions."""
        return any(".conv3." in role for role in self.keys)

    @property
    def net(self) -> Net:
        """What its tensors' names in other layouts depend on."""
        return Net(self.deep, bool(self.avg_down), self.norm)

    @property
    def for_cifar(self) -> bool:
        """Whether it is the paper's net for CIFAR (Sec. 4.2), and not a part of another."""
        return self.small_stem and len(self.blocks) == 3 and not self.bottleneck

    def describe(self) -> str:
        """Return the net's name: ``ResNet-50``, ``ResNet-101-D``, …"""
        blocks = self.blocks
        name = f"a ResNet of {'-'.join(map(str, blocks))} blocks"
        for (bottleneck, of_depth), depth in _DEPTHS.items():
            if bottleneck == self.bottleneck and blocks and of_depth[: len(blocks)] == blocks:
                name = f"ResNet-{depth}"
        if self.for_cifar and len(set(blocks)) == 1:
            name = f"ResNet-{6 * blocks[0] + 2} for CIFAR"
        if self.deep:
            kind = {True: "-D", False: "-C", None: " with a deep stem"}[self.avg_down]
        else:
            kind = "-D without a deep stem" if self.avg_down else ""
        return name + kind


def unwrap(
    content: Mapping[str, Any], key: str | None = None
) -> tuple[dict[str, Tensor], str, list[str]]:
    """Find the weights in a checkpoint.

    Args:
        content: What a file holds: tensors by name, or a checkpoint around them.
        key: Where in the checkpoint they are, if it holds several.

    Returns:
        The tensors by name, without what wrappers of modules put before it; the key that they were
        found at (empty for none); the keys of other weights in the same checkpoint.

    Raises:
        KeyError: ``key`` is not among the checkpoint's weights.
    """
    candidates = wrapped_state_dicts(content)
    if key is not None:
        if key not in candidates:
            raise UserKeyError(
                f"The checkpoint holds no weights at '{key}', but "
                f"{', '.join(candidates) or 'none in a wrapper'}."
            )
        chosen = key
    elif not candidates:
        return _tensors(content), "", []
    else:
        chosen = next(iter(candidates))
    inner, deeper, _ = unwrap(candidates[chosen])
    where = f"{chosen}.{deeper}" if deeper else chosen
    return inner, where, [name for name in candidates if name != chosen]


def wrapped_state_dicts(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the state dicts in a checkpoint by the key that each is at."""
    return {name: content[name] for name in WRAPPERS if _is_state_dict(content.get(name))}


def _is_state_dict(value: object) -> bool:
    """Return whether these are tensors by name, perhaps inside one more wrapper."""
    if not isinstance(value, Mapping):
        return False
    return any(hasattr(tensor, "ndim") for tensor in value.values()) or any(
        _is_state_dict(value.get(name)) for name in WRAPPERS
    )


def _tensors(state_dict: Mapping[str, Any]) -> dict[str, Tensor]:
    found = {}
    for name, value in state_dict.items():
        if isinstance(name, str) and hasattr(value, "ndim"):
            name = name.replace("_orig_mod.", "")
            while name.startswith(_WRAPPING_MODULES):
                name = name.partition(".")[2]
            found[name] = value
    return found


def recognise(tensors: Mapping[str, Tensor], within: str = "") -> Recognised | None:
    """Return the ResNet that most of the tensors belong to, or None.

    Args:
        tensors: By name.
        within: What the names of its backbone begin with.
    """
    best, best_score = None, (0, 0)
    for layout in LAYOUTS.values():
        marks = any(mark in name for mark in layout.marks for name in tensors)
        for deep in layout.stems:
            for prefix in _prefixes(tensors, layout, deep, within):
                found = _read(tensors, layout, deep, prefix)
                own_prefix = bool(layout.prefix) and prefix.endswith(layout.prefix)
                score = (len(found.keys) + len(found.head), 2 * marks + own_prefix)
                if score > best_score:
                    best, best_score = found, score
    return best


def _prefixes(
    tensors: Mapping[str, Tensor], layout: Layout, deep: bool, within: str
) -> Iterator[str]:
    """Yield what may stand before the backbone's names: where most of its first ones are."""
    anchors = {
        name
        for role in ("stem0.conv.weight", "stage1.0.conv1.weight", "stage2.0.conv1.weight")
        if (name := layout.name_of(role, Net(deep, avg_down=False)))
    }
    found = Counter(
        name.removesuffix(anchor)
        for name in tensors
        for anchor in anchors
        if name.endswith(anchor) and name.startswith(within)
    )
    prefixes = {p: n for p, n in found.items() if not p or p.endswith(".")}
    most = max(prefixes.values(), default=0)
    return iter(sorted((p for p, n in prefixes.items() if n == most), key=lambda p: (len(p), p)))


def _of_backbone(name: str) -> bool:
    """Return whether a tensor is of operators or plugins in a block, and not of other parts."""
    return re.match(r"layer\d+\.", name) is not None


def _read(tensors: Mapping[str, Tensor], layout: Layout, deep: bool, prefix: str) -> Recognised:
    keys, others, slots, norms = {}, {}, set(), set()
    for name, tensor in tensors.items():
        if not name.startswith(prefix):
            continue
        inner = name[len(prefix) :]
        found = layout.role_of(inner, tensor.ndim, deep)
        if found is None:
            others[inner] = name
            continue
        role, slot = found
        keys[role] = name
        slots.add(slot)
        norms |= {word for word in ("gn", "ln", "in") if f".{word}" in f".{inner}"}
    outer = prefix.removesuffix(layout.prefix)
    head = {
        role: name
        for role, inner in layout.head_names().items()
        for name in (outer + inner, prefix + inner)
        if name in tensors
    }
    others = {inner: name for inner, name in others.items() if _of_backbone(inner)}
    slots.discard(None)
    avg_down = (1 in slots) if slots else (None if deep or not keys else False)
    norm = norms.pop() if norms else "bn"
    stem = tensors.get(keys.get("stem0.conv.weight", ""))
    small = stem is not None and not deep and stem.shape[-1] == 3
    return Recognised(layout, prefix, keys, head, others, deep, avg_down, norm, small)
