"""Packages that a config names, as scopes of its types, and that are not installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mmresnet.config.preflight.findings import Finding
from mmresnet.config.preflight.registries import is_installed, parts_to_build
from mmresnet.config.walk import walk
from mmresnet.errors import INSTALL, did_you_mean

if TYPE_CHECKING:
    from mmengine.config import Config

_KNOWN = ("mmresnet", "mmpretrain", "mmdet", "mmengine", "mmcv", "mmseg", "mmpose", "mmselfsup")


def check_scopes(cfg: Config) -> Iterator[Finding]:
    """Find a ``default_scope``, a ``_scope_`` or a type ``scope.Name`` of no installed package."""
    scope = cfg.get("default_scope")
    if scope is not None and not is_installed(str(scope)):
        yield _missing("default_scope", scope)
    for keys, value in walk(cfg):
        if keys[-1] == "_scope_" and not is_installed(str(value)):
            yield _missing(".".join(map(str, keys)), value)
    for part in parts_to_build(cfg):
        kind: Any = part.cfg["type"]
        first, dot, _ = str(kind).partition(".")
        if isinstance(kind, str) and dot and not is_installed(first):
            yield _missing(f"{part.path}.type", first)


def _missing(where: str, scope: object) -> Finding:
    hint = did_you_mean(scope, _KNOWN).strip()
    what = f"there is no package '{scope}' installed, whose types are asked for."
    return Finding(where, what, hint or f"To install OpenMMLab's: {INSTALL}.")
