"""Normalization of images that cannot be meant, or is not that of the initial weights."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch

from mmresnet.config.preflight.findings import Finding
from mmresnet.config.walk import parts, type_name
from mmresnet.weights.compare import normalization
from mmresnet.weights.hub.catalogue import find

if TYPE_CHECKING:
    from mmengine.config import Config


def check_normalization(cfg: Config) -> Iterator[Finding]:
    """Find a mean and std of another length than the images' channels, or of another range."""
    path, part = _preprocessor(cfg)
    mean, std = part.get("mean"), part.get("std")
    backbone = (cfg.get("model") or {}).get("backbone") or {}
    channels = backbone.get("in_channels", 3) if "ResNet" in type_name(backbone) else 3
    for key, values in (("mean", mean), ("std", std)):
        if isinstance(values, (list, tuple)) and len(values) not in (1, channels):
            what = f"it has {len(values)} values, and the images have {channels} channels."
            yield Finding(f"{path}.{key}", what, f"Give {channels}.")
    if (mean is None) != (std is None):
        missing, given = ("std", "mean") if std is None else ("mean", "std")
        what = f"it is not given, and {given} is."
        yield Finding(f"{path}.{missing}", what, "Give both, or none.")
    if isinstance(std, (list, tuple)) and any(value == 0 for value in std):
        yield Finding(f"{path}.std", f"it is {list(std)}: pixels are divided by it.", "Give no 0.")
    if isinstance(mean, (list, tuple)) and any(mean) and all(0 <= value < 1 for value in mean):
        scaled = [round(255 * value, 3) for value in mean]
        what = f"it is {list(mean)}, as for pixels from 0 to 1; here they are from 0 to 255."
        yield Finding(f"{path}.mean", what, f"Multiply mean and std by 255: {scaled}.", "warning")
    if part.get("bgr_to_rgb") and part.get("rgb_to_bgr"):
        what = "bgr_to_rgb and rgb_to_bgr exclude each other."
        yield Finding(f"{path}.rgb_to_bgr", what, "Images are read as BGR: set bgr_to_rgb alone.")
    for name in ("train_dataloader", "val_dataloader", "test_dataloader"):
        for place, step in parts((cfg.get(name) or {}).get("dataset"), name, "dataset"):
            if type_name(step) == "Normalize" and mean is not None:
                what = f"{path} normalizes the images already, after this."
                yield Finding(place, what, "Leave out one of the two.", "warning")


def compare_with_weights(cfg: Config) -> Iterator[Finding]:
    """Find a normalization that is not the one that known initial weights were trained with."""
    path, part = _preprocessor(cfg)
    backbone = (cfg.get("model") or {}).get("backbone") or {}
    init_cfg = backbone.get("init_cfg") or {}
    source = init_cfg.get("checkpoint") if isinstance(init_cfg, dict) else None
    entry = find(str(source)) if source else None
    if entry is None or entry.preprocessing is None or not part:
        return
    preprocessor = SimpleNamespace(
        to_rgb=part.get("to_rgb", False) or part.get("bgr_to_rgb", False),
        **{key: torch.tensor(part[key]) for key in ("mean", "std") if part.get(key)},
    )
    for difference in normalization(preprocessor, entry.preprocessing):
        yield Finding(path, difference, severity="warning")


def _preprocessor(cfg: Config) -> tuple[str, dict[str, Any]]:
    inner = (cfg.get("model") or {}).get("data_preprocessor")
    if inner:
        return "model.data_preprocessor", inner
    return "data_preprocessor", cfg.get("data_preprocessor") or {}
