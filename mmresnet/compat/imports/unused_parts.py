"""Parts of mmengine that few runs use are imported when one is built."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path
from typing import Any

from mmresnet.compat.imports.deferred import ClassOf, defer

_WRAPPER = "MMFullyShardedDataParallel"
# the module of each class, and the registry that has it
_CLASSES = {
    "mmengine.model.wrappers.fully_sharded_distributed": (_WRAPPER, "MODEL_WRAPPERS"),
    "mmengine._strategy.fsdp": ("FSDPStrategy", "STRATEGIES"),
    "mmengine.optim.optimizer.zero_optimizer": ("ZeroRedundancyOptimizer", "OPTIMIZERS"),
}


def are_imported_in_any_case() -> bool:
    if "mmengine.optim" in sys.modules:
        return False
    spec = importlib.util.find_spec("mmengine")
    if spec is None or spec.origin is None:
        return False
    importing = Path(spec.origin).parent / "model" / "wrappers" / "__init__.py"
    return importing.is_file() and _WRAPPER in importing.read_text("utf-8")


def import_when_built() -> None:
    """Let FSDP, ZeRO and transformers' Adafactor be imported when one of them is asked for."""
    for module, (name, registry) in _CLASSES.items():
        fill = functools.partial(_fill, name, registry)
        defer(module, {module: fill}, functools.partial(_unregister, name, registry))
    if "transformers" not in sys.modules:
        defer("transformers", {"transformers": _fill_transformers})


def _fill(name: str, registry: str, module: Any) -> None:
    stand_in = ClassOf(name, (), {"__module__": module.__name__})
    setattr(module, name, stand_in)
    _registry(registry).register_module(module=stand_in)


def _unregister(name: str, registry: str) -> None:
    """Make room for the class, which registers itself."""
    _registry(registry).module_dict.pop(name, None)


def _registry(name: str) -> Any:
    return getattr(importlib.import_module("mmengine.registry"), name)


def _fill_transformers(module: Any) -> None:
    module.Adafactor = ClassOf("Adafactor", (), {"__module__": "transformers"})
