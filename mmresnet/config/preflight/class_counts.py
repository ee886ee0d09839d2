"""The number of classes of a model, and that of its data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mmresnet.config.classes import class_parts
from mmresnet.config.preflight import registries
from mmresnet.config.preflight.findings import Finding
from mmresnet.config.preflight.registries import parts_to_build
from mmresnet.config.walk import type_name

if TYPE_CHECKING:
    from mmengine.config import Config

_BY_FOLDERS_OR_FILES = ("CustomDataset", "ImageNet", "ImageNet21k", "CocoDataset")


def check_classes(cfg: Config) -> Iterator[Finding]:
    """Find a ``num_classes`` that is not that of a data set, or of another part."""
    numbers = {path: part["num_classes"] for path, part in class_parts(cfg)}
    preprocessor = (cfg.get("data_preprocessor") or {}).get("num_classes")
    head = numbers.get("model.head")
    if head is not None and preprocessor not in (None, head):
        what = f"it is {preprocessor}, and model.head.num_classes is {head}."
        remedy = f"Set num_classes={head}."
        yield Finding("data_preprocessor.num_classes", what, remedy, "warning")
    if not numbers:
        return
    path = min(numbers, key=lambda path: not path.startswith("model."))
    number = numbers[path]
    for part in parts_to_build(cfg):
        if part.registry != "DATASETS" or type_name(part.cfg) == "CocoDataset":
            continue
        classes = _classes(part)
        if classes is not None and classes != number and "model" in cfg:
            what = f"{path}.num_classes is {number}, and {part.path} has {classes} classes."
            severity: Any = "error" if number < classes else "warning"
            yield Finding(f"{path}.num_classes", what, f"Set num_classes={classes}.", severity)
            return


def _classes(part: registries.Part) -> int | None:
    named = (part.cfg.get("metainfo") or {}).get("classes") or part.cfg.get("classes")
    if named is None and type_name(part.cfg) not in _BY_FOLDERS_OR_FILES:
        named = (getattr(registries.find(part)[0], "METAINFO", None) or {}).get("classes")
    return len(named) if isinstance(named, (list, tuple)) else None
