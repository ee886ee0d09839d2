"""The channels of feature maps that a backbone gives, and those that neck and head take."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mmresnet.config.preflight import registries
from mmresnet.config.preflight.findings import Finding, collecting
from mmresnet.config.preflight.registries import parts_to_build
from mmresnet.config.walk import type_name
from mmresnet.models.backbones.resnet import ResNet

if TYPE_CHECKING:
    from mmengine.config import Config


def check_channels(cfg: Config) -> Iterator[Finding]:
    """Find a depth that a backbone of ours does not have, and a neck or head of other channels."""
    found = [part for part in parts_to_build(cfg) if part.path == "model.backbone"]
    kind = registries.find(found[0])[0] if found else None
    if not (inspect.isclass(kind) and issubclass(kind, ResNet)):
        return
    settings: dict[str, Any] = {"depth": None, **_defaults(kind), **found[0].cfg}
    findings: list[Finding] = []
    with collecting(findings, "model.backbone.depth"):
        block, _ = kind.arch(settings["depth"])
    if findings:
        yield from findings
        return
    stages = settings["num_stages"]
    indices = settings["out_indices"]
    indices = (stages - 1,) if indices is None else indices
    if not all(isinstance(index, int) and 0 <= index < stages for index in indices):
        what = f"out_indices={tuple(indices)}: a net of {stages} stages has those from 0 to "
        yield Finding("model.backbone.out_indices", f"{what}{stages - 1}.")
        return
    expansion = settings["expansion"] or block.expansion
    given = [settings["base_channels"] * 2**index * expansion for index in indices]
    neck, head = (cfg.model.get(key) or {} for key in ("neck", "head"))
    wanted = neck.get("in_channels") if isinstance(neck, dict) else None
    maps = f"(out_indices={tuple(indices)})"
    if isinstance(wanted, (list, tuple)) and sorted(wanted) != sorted(given):
        yield Finding(
            "model.neck.in_channels",
            f"model.neck.in_channels is {list(wanted)}, and the backbone gives maps of {given} "
            f"channels {maps}: let them agree.",
        )
    wanted = head.get("in_channels") if isinstance(head, dict) else None
    pooled = type_name(neck) == "GlobalAveragePooling"
    if pooled and isinstance(wanted, int) and wanted != given[-1]:
        what = f"in_channels={wanted}, and the backbone gives {given[-1]} channels {maps}: "
        yield Finding("model.head.in_channels", f"{what}set in_channels={given[-1]}.")


def _defaults(kind: type) -> dict[str, Any]:
    """Return the defaults of a constructor, those of its bases included."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if "__init__" in vars(base):
            for name, one in inspect.signature(vars(base)["__init__"]).parameters.items():
                if one.default is not one.empty:
                    found[name] = one.default
    return found
