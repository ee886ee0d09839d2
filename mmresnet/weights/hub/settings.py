"""What the settings in a Hugging Face repository tell of the weights beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmresnet.weights.hub.preprocessing import Preprocessing

_INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}  # PIL's numbers


def preprocessing_beside(path: Path) -> Preprocessing | None:
    """Return how images are prepared for the weights at ``path``; None if nothing there tells it.

    transformers writes it to ``preprocessor_config.json``, timm to ``pretrained_cfg`` in
    ``config.json``.
    """
    of_transformers = _read(path.with_name("preprocessor_config.json"))
    if "image_mean" in of_transformers:
        return _of_transformers(of_transformers)
    of_timm = _read(path.with_name("config.json")).get("pretrained_cfg")
    if isinstance(of_timm, Mapping) and "mean" in of_timm:
        return _of_timm(of_timm)
    return None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        settings = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, Mapping) else {}


def _of_timm(settings: Mapping[str, Any]) -> Preprocessing:
    """As timm tests: at ``test_input_size`` where there is one."""
    size = (settings.get("test_input_size") or settings.get("input_size") or [None])[-1]
    kept = settings.get("test_crop_pct") or settings.get("crop_pct")
    return Preprocessing(
        _of_255(settings["mean"]),
        _of_255(settings["std"]),
        size=size,
        resize=int(size / kept) if size and kept else None,
        interpolation=settings.get("interpolation"),
    )


def _of_transformers(settings: Mapping[str, Any]) -> Preprocessing:
    """As ``ConvNextImageProcessor`` prepares, which ResNets have, or a processor that crops."""
    size, crop, kept = (settings.get(key) for key in ("size", "crop_size", "crop_pct"))
    if isinstance(size, Mapping):
        size = size.get("shortest_edge", size.get("height"))
    if isinstance(crop, Mapping):
        crop = crop.get("height")
    if crop and settings.get("do_center_crop", True):
        resize, size = size, crop
    else:
        resize = int(size / kept) if size and kept and size < 384 else None
    return Preprocessing(
        _of_255(settings["image_mean"]),
        _of_255(settings["image_std"]),
        size=size,
        resize=resize,
        interpolation=_INTERPOLATIONS.get(settings.get("resample")),
    )


def _of_255(values: list[float]) -> tuple[float, ...]:
    return tuple(round(255 * value, 6) for value in values)
