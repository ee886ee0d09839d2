"""What a program calls. Names are imported when they are first used, so this stays light."""

import importlib

_HOMES = {
    "Inferencer": "mmresnet.inference.inferencer",
    "UnreadableImages": "mmresnet.inference.inferencer",
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

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
