"""The registry that each part of a config is built by, and the classes in it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mmengine import registry as roots
from mmengine.registry import DefaultScope, Registry

from mmresnet.config.walk import type_name

# Of each top-level setting: the name of mmengine's registry, or of mmpretrain's own
_TOP = {
    "model": "MODELS",
    "data_preprocessor": "MODELS",
    "train_dataloader": "DATASETS",
    "val_dataloader": "DATASETS",
    "test_dataloader": "DATASETS",
    "optim_wrapper": "OPTIM_WRAPPERS",
    "param_scheduler": "PARAM_SCHEDULERS",
    "train_cfg": "LOOPS",
    "val_cfg": "LOOPS",
    "test_cfg": "LOOPS",
    "val_evaluator": "METRICS",
    "test_evaluator": "METRICS",
    "default_hooks": "HOOKS",
    "custom_hooks": "HOOKS",
    "visualizer": "VISUALIZERS",
    "log_processor": "LOG_PROCESSORS",
    "model_wrapper_cfg": "MODEL_WRAPPERS",
    "strategy": "STRATEGIES",
}
# Of a setting inside of these; others are of the registry of what they stand in
_INSIDE = {
    "dataset": "DATASETS",
    "datasets": "DATASETS",
    "batch_sampler": "DATA_SAMPLERS",
    "collate_fn": "FUNCTIONS",
    "worker_init_fn": "FUNCTIONS",
    "optimizer": "OPTIMIZERS",
    "vis_backends": "VISBACKENDS",
    "metrics": "METRICS",
    "init_cfg": "WEIGHT_INITIALIZERS",
    "augments": "BATCH_AUGMENTS",
    "assigner": "TASK_UTILS",
    "anchor_generator": "TASK_UTILS",
    "prior_generator": "TASK_UTILS",
    "bbox_coder": "TASK_UTILS",
    "iou_calculator": "TASK_UTILS",
}
_FREE = ("metainfo", "backend_args", "file_client_args", "mp_cfg")  # their values are no parts


@dataclass(frozen=True)
class Part:
    """A part of a config that is built: its path, the registry, and the scope of its type."""

    path: str
    cfg: dict[str, Any]
    registry: str
    scope: str | None

    @property
    def name(self) -> str:
        """The last key of the path that is not an index."""
        return next(key for key in reversed(self.path.split(".")) if not key.isdigit())


def parts_to_build(cfg: Any) -> Iterator[Part]:
    """Yield every part that has a type, in the settings that a run reads."""
    for key, registry in _TOP.items():
        yield from _parts(cfg.get(key), key, registry, None)


def _parts(value: Any, path: str, registry: str, scope: str | None) -> Iterator[Part]:
    if isinstance(value, dict):
        scope = value.get("_scope_") or scope
        if value.get("type") is not None:
            yield Part(path, value, registry, scope)
        for key, inner in value.items():
            if key not in _FREE and type_name(value) != "Albu":  # albumentations has its own
                yield from _parts(inner, f"{path}.{key}", _inside(str(key), registry), scope)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _parts(inner, f"{path}.{index}", registry, scope)


def _inside(key: str, registry: str) -> str:
    if key == "sampler":  # of images, or of a detector's boxes
        return "TASK_UTILS" if registry in ("MODELS", "TASK_UTILS") else "DATA_SAMPLERS"
    return "TRANSFORMS" if key.endswith("pipeline") else _INSIDE.get(key, registry)


def is_installed(package: str) -> bool:
    """Return whether a package can be imported, without importing it."""
    return package.isidentifier() and importlib.util.find_spec(package) is not None


def default_scope() -> str:
    """Return the scope of types that name none."""
    current = DefaultScope.get_current_instance()
    return "mmengine" if current is None else current.scope_name


def find(part: Part) -> tuple[Callable[..., Any] | None, bool]:
    """Return the class or function of a part's type, and whether it is in the part's registry.

    Modules are imported as for a run: those of the registry that is asked. The others are asked
    where that has none; if no registry has the type, it is None.
    """
    kind = part.cfg["type"]
    if not isinstance(kind, str):
        return (kind if callable(kind) else None), True
    scope = part.scope or default_scope()
    first = _of_scope(part.registry, scope)
    for one in (first, *_all(scope)):
        try:
            found = None if one is None else one.get(kind)
        except RuntimeError:  # mmengine's, of a name with a dot that nothing has
            found = None
        if found is not None:
            return found, one is first
    return None, False


def names(registry: str, scope: str) -> list[str]:
    """Return the names that a type of this scope may have, those of mmengine included."""
    found: dict[str, None] = {}
    one = _of_scope(registry, scope)
    while one is not None:
        found |= dict.fromkeys([*one.module_dict, *getattr(one, "_modules", ())])
        one = one.parent
    return list(found)


def describe(registry: str, scope: str) -> str:
    """Return what a registry holds, in words: "model", "data sampler"."""
    one = _of_scope(registry, scope)
    name = registry.lower().removesuffix("s") if one is None else one.name
    return name.replace("_", " ")


def _of_scope(registry: str, scope: str) -> Registry | None:
    """Return a registry of a package, mmengine's where it has none."""
    module = importlib.import_module(f"{scope}.registry") if is_installed(scope) else None
    root = getattr(roots, registry, None)
    if root is None:
        return getattr(module, registry, None)
    return root.children.get(scope, root)


def _all(scope: str) -> Iterator[Registry]:
    module = importlib.import_module(f"{scope}.registry") if is_installed(scope) else roots
    for where in (module, roots):
        yield from (one for one in vars(where).values() if isinstance(one, Registry))
