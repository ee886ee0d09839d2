"""The preprocessing of weights, from the settings beside them in a Hugging Face repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmresnet.weights.hub.preprocessing import Preprocessing

_INTERPOLATIONS: dict[object, str] = {2: "bilinear", 3: "bicubic"}  # PIL's numbers


def preprocessing_beside(path: Path) -> Preprocessing | None:
    """Return how images are preprocessed for the weights at ``path``; None if it is not stated.

    transformers writes it to ``preprocessor_config.json``, timm to ``pretrained_cfg`` in
    ``config.json``.
    """
    settings = _read(path.with_name("preprocessor_config.json"))
    if "image_mean" in settings:
        return _from_transformers(settings)
    pretrained_cfg = _read(path.with_name("config.json")).get("pretrained_cfg")
    if isinstance(pretrained_cfg, Mapping) and "mean" in pretrained_cfg:
        return _from_timm(pretrained_cfg)
    return None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        settings = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, Mapping) else {}


def _from_timm(settings: Mapping[str, Any]) -> Preprocessing:
    """Return timm's test preprocessing, which prefers ``test_input_size``."""
    size = (settings.get("test_input_size") or settings.get("input_size") or [None])[-1]
    crop_pct = settings.get("test_crop_pct") or settings.get("crop_pct")
    return Preprocessing(
        _scaled(settings["mean"]),
        _scaled(settings["std"]),
        size=size,
        resize=int(size / crop_pct) if size and crop_pct else None,
        interpolation=settings.get("interpolation"),
    )


def _from_transformers(settings: Mapping[str, Any]) -> Preprocessing:
    """Return that of ``ConvNextImageProcessor``, which ResNets have, or of one that crops."""
    size, crop, crop_pct = (settings.get(key) for key in ("size", "crop_size", "crop_pct"))
    if isinstance(size, Mapping):
        size = size.get("shortest_edge", size.get("height"))
    if isinstance(crop, Mapping):
        crop = crop.get("height")
    if crop and settings.get("do_center_crop", True):
        resize, size = size, crop
    else:
        resize = int(size / crop_pct) if size and crop_pct and size < 384 else None
    return Preprocessing(
        _scaled(settings["image_mean"]),
        _scaled(settings["image_std"]),
        size=size,
        resize=resize,
        interpolation=_INTERPOLATIONS.get(settings.get("resample")),
    )


def _scaled(values: list[float]) -> tuple[float, ...]:
    """Return values for pixels from 0 to 255 instead of 0 to 1."""
    return tuple(round(255 * value, 6) for value in values)
