"""The number of classes, and their names: one rule for training, tests and inference.

``num_classes`` of every part of a config is the number of the data's classes, except in parts that
tell other things apart: :data:`OTHER_CLASSES`. It follows a checkpoint that is tested or run, the
annotation files of COCO sets, and the variable ``num_classes`` of a config, in this order.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmresnet.config.walk import dotted, type_name, walk
from mmresnet.datasets.coco.checks import class_names as names_of
from mmresnet.datasets.coco.file import read_classes
from mmresnet.datasets.image_files import class_folders
from mmresnet.weights.checkpoint import trained_classes
from mmresnet.weights.names.recognise import recognise, unwrap

if TYPE_CHECKING:
    from mmengine.config import Config

# Objects from background, stuff, persons
OTHER_CLASSES = {"rpn_head", "semantic_head", "reid"}

# The layers whose rows are the classes, and how many rows more they have: softmax over boxes knows
# a class "background" (mmdet's bbox_head, "cls_out_channels").
_CLASS_LAYERS = (
    (r"head\.fc\.weight", 0),
    (r"roi_head\.bbox_head\.(\d+\.)?fc_cls\.weight", 1),
)


def class_parts(cfg: Config) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the parts of a config whose ``num_classes`` is the number of the data's classes."""
    for keys, part in walk(cfg):
        known = isinstance(part, dict) and isinstance(part.get("num_classes"), int)
        if known and OTHER_CLASSES.isdisjoint(keys):
            yield dotted(keys), part


def set_num_classes(cfg: Config, number: int) -> int:
    """Set the number of classes everywhere, and return in how many parts."""
    found = list(class_parts(cfg))
    for _, part in found:
        part["num_classes"] = number
    if found and "num_classes" in cfg:
        cfg["num_classes"] = number
    return len(found)


def count_classes(checkpoint: Mapping[str, Any]) -> int | None:
    """Return how many classes the model of a checkpoint has, None where nothing gives it."""
    tensors = unwrap(checkpoint)[0]
    for name, value in tensors.items():
        for layer, more in _CLASS_LAYERS:
            if re.fullmatch(layer, name):
                return len(value) - more
    found = recognise(tensors)
    if found is not None and found.head:
        return len(tensors[found.head["head.weight"]])
    names = trained_classes(checkpoint)
    return None if names is None else len(names)


def follow_checkpoint(cfg: Config, checkpoint: Mapping[str, Any]) -> None:
    """Give the model of ``cfg`` the checkpoint's number of classes, if that is known."""
    count = count_classes(checkpoint)
    if count is not None:
        set_num_classes(cfg, count)


def class_names(dataset: dict[str, Any], checkpoint: Mapping[str, Any]) -> list[str]:
    """Return the names of the classes: those that the checkpoint gives, or the recipe's data set.

    Names that are not as many as the classes are not taken. Where there are no others, the classes
    are called by their numbers.
    """
    count = count_classes(checkpoint)
    for found in (trained_classes(checkpoint) or (), *_names_in_settings(dataset)):
        if found and count in (None, len(found)):
            return [str(name) for name in found]
    return [str(number) for number in range(count or 0)]


def _names_in_settings(dataset: dict[str, Any]) -> Iterator[Sequence[str]]:
    from mmengine.registry import DATASETS

    yield names_of((dataset.get("metainfo") or {}).get("classes") or ())
    path = os.path.join(dataset.get("data_root") or "", dataset.get("ann_file") or "")
    if path.endswith(".json") and os.path.isfile(path):
        yield read_classes(path)
    kind = dataset.get("type")
    if isinstance(kind, str):
        with DATASETS.switch_scope_and_registry(None) as registry:
            kind = registry.get(kind)
    yield getattr(kind, "METAINFO", {}).get("classes") or ()
    folder = os.path.join(dataset.get("data_root") or "", str(dataset.get("data_prefix") or ""))
    if type_name(dataset) == "CustomDataset" and not dataset.get("ann_file"):
        yield class_folders(folder) if os.path.isdir(folder) else ()
    if "imagenet" in str(dataset.get("data_root")).lower():  # weights from elsewhere have no names
        from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

        yield IMAGENET_CATEGORIES
