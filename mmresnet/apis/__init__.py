"""What a program calls. Names are imported when they are first used, so this stays light."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmresnet.apis.model_zoo import get_config, get_model, list_models
    from mmresnet.config.load import load_config
    from mmresnet.engine.run import test, train
    from mmresnet.export.export import export_model
    from mmresnet.inference.calibrate import calibrate
    from mmresnet.inference.inferencer import Inferencer, UnreadableImages, infer
    from mmresnet.weights import load_weights
    from mmresnet.weights.convert import convert_file

__all__ = [
    "Inferencer",
    "UnreadableImages",
    "calibrate",
    "convert_file",
    "export_model",
    "get_config",
    "get_model",
    "infer",
    "list_models",
    "load_config",
    "load_weights",
    "test",
    "train",
]

_HOMES = {
    "Inferencer": "mmresnet.inference.inferencer",
    "UnreadableImages": "mmresnet.inference.inferencer",
    "export_model": "mmresnet.export.export",
    "calibrate": "mmresnet.inference.calibrate",
    "get_config": "mmresnet.apis.model_zoo",
    "get_model": "mmresnet.apis.model_zoo",
    "infer": "mmresnet.inference.inferencer",
    "list_models": "mmresnet.apis.model_zoo",
    "load_config": "mmresnet.config.load",
    "load_weights": "mmresnet.weights",
    "convert_file": "mmresnet.weights.convert",
    "test": "mmresnet.engine.run",
    "train": "mmresnet.engine.run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
