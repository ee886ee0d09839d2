"""Lists of images with a label each: their lines, their labels, and whether the images exist."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.config.preflight.findings import Finding
from mmresnet.config.preflight.image_folders import folder_of
from mmresnet.config.walk import type_name
from mmresnet.datasets.coco.checks import missing_images
from mmresnet.datasets.shards.paths import local_file, shards_of

if TYPE_CHECKING:
    from mmengine.config import Config

_LOOKED_FOR = 1000  # images of a list; with all, a list of ImageNet's size would take seconds


def check_image_list(cfg: Config, loader: str) -> Iterator[Finding]:
    """Find mistakes in the list of images that a classification set reads (``ann_file``)."""
    dataset, path = (cfg.get(loader) or {}).get("dataset") or {}, f"{loader}.dataset"
    if type_name(dataset) not in ("ImageNet", "CustomDataset") or dataset.get("backend_args"):
        return
    if not dataset.get("ann_file"):
        return
    file = Path(local_file(os.path.join(dataset.get("data_root") or "", dataset["ann_file"])))
    if not file.is_file():
        what = f"there is no list of images '{file}'."
        yield Finding(f"{path}.ann_file", what, "Set data_root or ann_file to where it is.")
        return
    names = file.read_text().splitlines()
    if dataset.get("with_label", True):
        names, labels, wrong = _split(names)
        if wrong:
            what = f"'{file}' has the line '{wrong}'."
            yield Finding(f"{path}.ann_file", what, "Write '<image> <number of the class>'.")
            return
        yield from _check_labels(cfg, f"{path}.ann_file", file, labels)
    yield from _check_images(dataset, path, names)


def _split(lines: list[str]) -> tuple[list[str], list[int], str]:
    """Return images and labels, and the first line that has none, or an empty text."""
    names, labels = [], []
    for line in lines:
        name, _, label = line.strip().rpartition(" ")
        if not name or not label.isdecimal():
            return [], [], line or "(an empty one)"
        names.append(name)
        labels.append(int(label))
    return names, labels, ""


def _check_labels(cfg: Config, where: str, file: Path, labels: list[int]) -> Iterator[Finding]:
    head = (cfg.get("model") or {}).get("head")
    number = head.get("num_classes") if isinstance(head, dict) else None
    if isinstance(number, int) and labels and max(labels) >= number:
        what = f"'{file}' has labels up to {max(labels)}, and model.head.num_classes is {number}."
        yield Finding(where, what, f"Labels count from 0: set num_classes={max(labels) + 1}.")


def _check_images(dataset: dict[str, Any], path: str, names: list[str]) -> Iterator[Finding]:
    folder, step = folder_of(dataset), -(-len(names) // _LOOKED_FOR) or 1
    looked_for = names[::step]
    if shards_of(folder) is None:  # without listing many folders
        missing = [name for name in looked_for if not os.path.isfile(os.path.join(folder, name))]
    else:
        missing = missing_images(looked_for, folder)
    if missing:
        of = f"{len(missing):,} of {len(looked_for):,} images"
        what = f"{of} of the list that were looked for are not in '{folder}'"
        what = f"{what} (the first: '{missing[0]}')."
        skips = dataset.get("on_bad_sample") == "skip"
        remedy = "Set data_prefix to where they are; mmresnet check-dataset lists all."
        yield Finding(path, what, remedy, "warning" if skips else "error")
