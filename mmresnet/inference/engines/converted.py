"""Backbones that OpenVINO's converter has read, kept from one run to the next."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

import mmresnet
from mmresnet.atomic import atomic_folder
from mmresnet.errors import UserError
from mmresnet.weights.hub.addresses import cache_folder

_KEPT = 8  # of those converted, the ones that were used last
_PLAIN = (bool, int, float, str, tuple, type(None))


def convert(net: nn.Module) -> Any:
    """Return OpenVINO's model of a backbone: (N, C, H, W) to its feature maps.

    Raises:
        UserError: OpenVINO has no operator for a layer.
    """
    openvino: Any = importlib.import_module("openvino")

    channels = next(net.parameters()).shape[1]
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of torch.jit, which OpenVINO's converter uses
        try:
            traced = torch.jit.trace(net, torch.zeros(1, channels, 64, 64), check_trace=False)
            return openvino.convert_model(traced, input=[("x", [-1, channels, -1, -1])])
        except Exception as error:  # the converter raises any
            raise UserError(
                f"OpenVINO cannot convert the backbone {type(net).__name__} of this config; "
                f"leave engine='openvino' out. ({str(error).strip().splitlines()[0]})"
            ) from error


def place_of(net: nn.Module) -> Path:
    """Return the folder in the cache for a backbone: by its layers, weights, and versions."""
    digest = hashlib.sha256()
    for package in ("openvino", "torch"):
        digest.update(importlib.metadata.version(package).encode())
    digest.update(mmresnet.__version__.encode())
    for name, module in net.named_modules():
        settings = {key: value for key, value in vars(module).items() if isinstance(value, _PLAIN)}
        digest.update(f"{name} {type(module)} {sorted(settings.items())}".encode())
    for name, tensor in net.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).numpy())
    return cache_folder() / "openvino" / digest.hexdigest()[:32]


def read(place: Path) -> Any | None:
    """Return the model that is kept at a place; None if there is none, or it cannot be read."""
    if not (place / "model.xml").is_file():
        return None
    openvino: Any = importlib.import_module("openvino")
    with contextlib.suppress(OSError, RuntimeError):
        model = openvino.Core().read_model(place / "model.xml")
        os.utime(place)
        return model
    return None


def keep(model: Any, place: Path) -> None:
    """Write a model to a place, and remove those that were not used for longest.

    Where the cache cannot be written, the next run converts the backbone again.
    """
    openvino: Any = importlib.import_module("openvino")
    with contextlib.suppress(OSError, RuntimeError):
        shutil.rmtree(place, ignore_errors=True)  # one that was of no use
        with atomic_folder(place) as folder:
            openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)
        kept = [one for one in place.parent.iterdir() if not one.name.startswith(".")]
        for old in sorted(kept, key=os.path.getmtime, reverse=True)[_KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
