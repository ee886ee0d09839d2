"""What a program calls. Names are imported when they are first used, so this stays light."""

import importlib

_HOMES = {
    "Inferencer": "inference",
    "UnreadableImages": "inference",
    "get_config": "model_zoo",
    "get_model": "model_zoo",
    "infer": "inference",
    "list_models": "model_zoo",
    "load_config": "config",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
