"""What the backbones' arguments mean, and whether they are valid."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmresnet.errors import UserTypeError, UserValueError, did_you_mean
from mmresnet.models.checks import positive_integer
from mmresnet.registry import MODELS

STYLES = ("pytorch", "caffe")


def check_arguments(
    name: str,
    style: str,
    num_stages: tuple[int, int],
    per_stage: Mapping[str, Sequence[int]],
    out_indices: Sequence[int],
    frozen_stages: int,
    plugins: Sequence[dict[str, Any]] | None,
    positive: Mapping[str, int],
) -> None:
    """Check the arguments of the class ``name``; ``num_stages`` is (given, largest allowed).

    Raises:
        ValueError: A value is out of range.
        TypeError: ``out_indices`` is not a sequence of integers, or a width is not an integer.
    """
    if style not in STYLES:
        raise UserValueError(
            f"{name}: style={style!r} must be {' or '.join(map(repr, STYLES))}."
            f"{did_you_mean(style, STYLES)}"
        )
    for keyword, value in positive.items():
        positive_integer(name, keyword, value)

    stages, most = num_stages
    if not 1 <= stages <= most:
        raise UserValueError(f"{name}: num_stages={stages} must be from 1 to {most}.")
    for keyword, values in per_stage.items():
        if len(values) < stages:
            raise UserValueError(
                f"{name}: {keyword}={tuple(values)} has {len(values)} entries, and "
                f"num_stages={stages} needs one for each stage."
            )

    if isinstance(out_indices, str) or not isinstance(out_indices, Sequence):
        raise UserTypeError(
            f"{name}: out_indices={out_indices!r} must be a tuple of stages, such as (3,)."
        )
    outside = [index for index in out_indices if not 0 <= index < stages]
    if outside or not out_indices:
        raise UserValueError(
            f"{name}: out_indices={tuple(out_indices)} must name stages from 0 to {stages - 1} "
            f"(it has {stages})."
        )
    if not -1 <= frozen_stages <= stages:
        raise UserValueError(
            f"{name}: frozen_stages={frozen_stages} must be from -1 (nothing is frozen) to "
            f"{stages} (all stages; 0 freezes the stem alone)."
        )
    for plugin in plugins or ():
        given = plugin.get("stages")
        if given is not None and len(given) != stages:
            raise UserValueError(
                f"{name}: a plugin's stages={tuple(given)} has {len(given)} entries, and there "
                f"are {stages} stages."
            )


def choose_stem(
    name: str, stems: Mapping[bool, Callable[..., Any]], deep_stem: bool
) -> Callable[..., Any]:
    """Return the stem of the class ``name`` from its table.

    Raises:
        ValueError: It has no deep stem.
    """
    if bool(deep_stem) not in stems:
        raise UserValueError(f"{name} has no deep_stem: leave deep_stem={deep_stem!r} out.")
    return stems[bool(deep_stem)]


def choose_shortcut(
    name: str, shortcuts: Mapping[str, Callable[..., Any]], shortcut: str | None, avg_down: bool
) -> Callable[..., Any]:
    """Return the kind of shortcut of the class ``name`` from its table, whose first is the default.

    Raises:
        ValueError: It has no such option, or the keywords contradict each other.
    """
    if avg_down and "D" not in shortcuts:
        raise UserValueError(f"{name} has no avg_down: leave avg_down={avg_down!r} out.")
    if shortcut is not None and shortcut not in shortcuts:
        raise UserValueError(
            f"{name}: shortcut={shortcut!r} must be {' or '.join(map(repr, shortcuts))}."
            f"{did_you_mean(shortcut, shortcuts)}"
        )
    if avg_down and shortcut not in (None, "D"):
        raise UserValueError(
            f"{name}: shortcut={shortcut!r} and avg_down={avg_down!r} contradict each other: give "
            "one of them."
        )
    return shortcuts["D" if avg_down else shortcut or next(iter(shortcuts))]


def scoped(cfg: dict[str, Any]) -> dict[str, Any]:
    """Return a layer's config with ``_scope_`` as the scope of its type, as registries read it.

    mmengine adds this key to dicts that come from a base config of another package; mmcv's builders
    of layers would pass it to the layer.
    """
    if "_scope_" not in cfg:
        return cfg
    cfg = dict(cfg)
    with MODELS.switch_scope_and_registry(cfg.pop("_scope_")) as registry:
        kind = cfg["type"]
        if isinstance(kind, str) and registry.get(kind) and kind in registry.module_dict:
            cfg["type"] = f"{registry.scope}.{kind}"
    return cfg


def block_dilations(
    dilation: int, blocks: int, contract: bool, multi_grid: Sequence[int] | None
) -> list[int]:
    """Return the dilation of each of a stage's blocks; for the arguments see :class:`ResNet`.

    Raises:
        ValueError: ``multi_grid`` is shorter than the stage.
    """
    if multi_grid is None:
        first = dilation // 2 if contract and dilation > 1 else dilation
        return [first] + [dilation] * (blocks - 1)
    if len(multi_grid) < blocks:
        raise UserValueError(
            f"multi_grid={tuple(multi_grid)} has {len(multi_grid)} entries, and the last stage "
            f"has {blocks} blocks: give one for each."
        )
    return list(multi_grid[:blocks])
