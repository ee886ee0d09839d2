"""Folders of images, one for each class: they exist, and hold the same classes as the model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mmresnet.config.walk import type_name
from mmresnet.datasets.coco.checks import quoted
from mmresnet.datasets.image_files import class_folders, is_passed_over
from mmresnet.datasets.shards.paths import shards_of
from mmresnet.datasets.shards.shard_set import ShardSet
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

_LAYOUT = "<folder>/<class name>/<image>.jpg, one folder for each class"


def check_image_folders(cfg: Config, loaders: tuple[str, ...]) -> None:
    """Check the folders of images: they exist, hold the same classes, as many as the head has.

    Raises:
        UserError: for the first mistake.
    """
    folders = {}
    for loader in loaders:
        path = f"{loader}.dataset"
        dataset = (cfg.get(loader) or {}).get("dataset") or {}
        classes = class_folders_of(dataset, path)
        if classes is not None:
            folders[path] = (folder_of(dataset), classes)
    if not folders:
        return
    first_folder, first = next(iter(folders.values()))
    for folder, classes in folders.values():
        if classes != first:
            only = "; ".join(
                f"only in '{where}': {', '.join(sorted(names)[:3])}"
                for where, names in ((first_folder, first - classes), (folder, classes - first))
                if names
            )
            raise UserError(
                f"'{first_folder}' and '{folder}' hold different class folders ({only}): a "
                "class's number is its place among the sorted folders, so both need the same ones."
            )
    wanted = (cfg.model.get("head") or {}).get("num_classes")
    if wanted is not None and wanted != len(first):
        raise UserError(
            f"model.head.num_classes is {wanted}, but '{first_folder}' holds {len(first)} class "
            f"folders: set num_classes={len(first)}, or point data_root to another folder."
        )


def folder_of(dataset: dict[str, Any]) -> str:
    """Return the folder or address of a data set's images, relative if its settings are."""
    prefix = dataset.get("data_prefix") or ""
    if isinstance(prefix, dict):  # mmpretrain's name for it, or mmdet's
        prefix = prefix.get("img_path") or prefix.get("img", "")
    return os.path.join(dataset.get("data_root") or "", prefix or dataset.get("split", ""))


def class_folders_of(dataset: dict[str, Any], path: str) -> set[str] | None:
    """Return the names of the class folders, or None where classes do not come from folders."""
    if type_name(dataset) not in ("ImageNet", "CustomDataset"):
        return None
    folder = folder_of(dataset)
    if (found := shards_of(folder)) is not None:
        return _classes_in_shards(dataset, *found, path)
    if not os.path.isdir(folder):
        raise UserError(
            f"{path}: the data folder '{folder}' does not exist: it is expected as {_LAYOUT}; "
            "put or link the images there, or set data_root to where they are."
        )
    if dataset.get("ann_file") or not dataset.get("with_label", True):
        return None
    classes = set(class_folders(folder))
    if not str(dataset["type"]).startswith("mmresnet."):
        _refuse_hidden(folder, path)
    if not classes:
        raise UserError(f"{path}: '{folder}' holds no class folders: it is expected as {_LAYOUT}.")
    return classes


def _classes_in_shards(
    dataset: dict[str, Any], shards: ShardSet, folder: str, path: str
) -> set[str] | None:
    """Return the classes of images in shards, which this package's data sets alone read."""
    if not str(dataset["type"]).startswith("mmresnet."):
        kind = f"mmresnet.{type_name(dataset)}"
        raise UserError(
            f"{path}: '{shards.root}' holds shards, which type='{kind}' reads, and "
            f"'{dataset['type']}' does not."
        )
    if dataset.get("ann_file") or not dataset.get("with_label", True):
        return None
    classes = set(shards.index.images_below(folder).classes)
    if not classes:
        raise UserError(
            f"{path}: there are no class folders '{folder}/<class name>' in the shards at "
            f"'{shards.root}': set data_prefix (or split) to one of {quoted(shards.index.tops())}."
        )
    return classes


def _refuse_hidden(folder: str, path: str) -> None:
    """Refuse hidden folders, which mmpretrain's data sets take for classes."""
    with os.scandir(folder) as entries:
        hidden = [one.name for one in entries if is_passed_over(one.name) and one.is_dir()]
    if hidden:
        raise UserError(
            f"{path}: '{folder}' holds the folder '{sorted(hidden)[0]}', which mmpretrain's class "
            "takes for a class, so that all labels shift: delete it, or set "
            f"{path}.type=mmresnet.CustomDataset, which passes it over."
        )
