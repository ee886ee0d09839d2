"""Hooks of a misspelled name, or without a type."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmresnet.config.preflight.findings import Finding
from mmresnet.config.walk import parts

if TYPE_CHECKING:
    from mmengine.config import Config

_DEFAULT = ("runtime_info", "timer", "sampler_seed", "logger", "param_scheduler", "checkpoint")


def check_hooks(cfg: Config) -> Iterator[Finding]:
    """Find a default hook of a misspelled name, which would be one more beside the default."""
    for name in cfg.get("default_hooks") or {}:
        near = difflib.get_close_matches(name, _DEFAULT, n=1, cutoff=0.8)
        if name not in _DEFAULT and near:
            what = "mmengine has no default hook of this name, and would run both."
            yield Finding(f"default_hooks.{name}", what, f"Did you mean '{near[0]}'?")
    for path, part in parts(cfg.get("custom_hooks"), "custom_hooks"):
        if path.count(".") == 1 and "type" not in part:
            yield Finding(path, "the hook has no type.", "Set one.")
