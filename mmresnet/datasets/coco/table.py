"""The samples of a detection set, made from the columns of its annotation file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmresnet.datasets.coco.checks import NOT_FINITE, NOT_POSITIVE, OUTSIDE, THIN, UNCOVERED, Boxes
from mmresnet.datasets.coco.masks import Masks
from mmresnet.datasets.index_files import Index, Texts

_REASONS = (NOT_FINITE, NOT_POSITIVE, OUTSIDE, THIN, UNCOVERED)


class CocoTable:
    """Images and boxes of a set with these classes; what mmdet's ``CocoDataset`` makes of them.

    Args:
        index: Columns, as :func:`mmresnet.datasets.coco.columns.read_columns` returns them.
        classes: Names of categories; the label of a box is the place of its category's here.
    """

    def __init__(self, index: Index, classes: Sequence[str]) -> None:
        columns = index.arrays
        self.file_names = Texts(columns["names"], columns["ends"])
        self._size, self._first = columns["size"], columns["first"]
        self._image_id, self._annotation_id = columns["image_id"], columns["annotation_id"]
        self._place, self._box, self._crowd = columns["place"], columns["box"], columns["crowd"]
        self._masks = Masks(columns if "mask_ends" in columns else None)
        self._classes = list(classes)

        categories = index.meta["categories"]
        labels = [
            self._classes.index(one["name"]) if one["name"] in self._classes else -1
            for one in categories
        ]
        self._listed = columns["category"] >= 0
        label = np.array([*labels, -1], np.int32)[columns["category"]]  # -1 is the last one
        self._of_class = label >= 0
        self._reason = _reasons(columns, self._images_of_boxes())
        wanted = self._of_class & ~columns["ignore"]
        self._left_out = np.where(wanted, self._reason, 0)
        self._label = np.where(wanted & (self._reason == 0), label, -1)
        self._label[: int(self._first[0])] = -1

    def __deepcopy__(self, memo: dict[int, Any]) -> CocoTable:
        return self  # it does not change; copies of a data set share it

    def __len__(self) -> int:
        return len(self._image_id)

    def _images_of_boxes(self) -> np.ndarray:
        """Return the row of the image of each annotation, 0 for those without one."""
        counts = np.diff(self._first, prepend=0)
        rows = np.repeat(np.arange(-1, len(counts) - 1), counts)
        return np.maximum(rows, 0)

    def boxes(self) -> Boxes:
        """Return which boxes are used, and which are not, as :func:`coco_checks.sort_boxes`."""
        unlisted = ~self._listed
        unlisted[: int(self._first[0])] = True
        used = np.bincount(self._label[self._label >= 0], minlength=len(self._classes)).tolist()
        boxes = Boxes(unlisted=int(unlisted.sum()))
        boxes.used.update({name: n for name, n in zip(self._classes, used, strict=True) if n})
        rows = np.flatnonzero((self._left_out > 0) & ~unlisted)
        images = self._images_of_boxes()
        for row in rows[np.argsort(self._place[rows])].tolist():
            reason = _REASONS[int(self._left_out[row]) - 1]
            found = boxes.left_out.setdefault(reason, [])
            found.append((int(self._annotation_id[row]), self.file_names[int(images[row])]))
        return boxes

    def rows(self, filters: Mapping[str, Any] | None) -> np.ndarray:
        """Return the rows of the images to use.

        Args:
            filters: ``filter_empty_gt`` leaves out images without an annotation of the classes,
                whether it is used or not; ``min_size`` those whose shorter side is less.
        """
        filters = filters or {}
        keep = self._size.min(axis=1, initial=np.iinfo(np.int64).max) >= filters.get("min_size", 0)
        if filters.get("filter_empty_gt", False):
            before = np.concatenate([[0], np.cumsum(self._of_class)])
            keep &= before[self._first[1:]] > before[self._first[:-1]]
        return np.flatnonzero(keep)

    def info(self, row: int, prefixes: Mapping[str, str], suffix: str) -> dict[str, Any]:
        """Return an image as mmdet's ``parse_data_info`` does.

        Args:
            prefixes: ``data_prefix`` of the data set.
            suffix: That of segmentation maps, where ``prefixes`` has a folder "seg".
        """
        name = self.file_names[row]
        width, height = self._size[row].tolist()
        seg = prefixes.get("seg")
        seg = os.path.join(seg, name.rsplit(".", 1)[0] + suffix) if seg else None
        return {
            "img_path": os.path.join(prefixes["img"], name),
            "img_id": int(self._image_id[row]),
            "seg_map_path": seg,
            "height": height,
            "width": width,
            "instances": self._instances(row),
        }

    def _instances(self, row: int) -> list[dict[str, Any]]:
        here = slice(int(self._first[row]), int(self._first[row + 1]))
        columns = (self._label, self._crowd, self._box, self._place)
        instances = []
        for label, crowd, box, place in zip(*(c[here].tolist() for c in columns), strict=True):
            if label < 0:
                continue
            x, y, w, h = box
            one = {"ignore_flag": int(crowd), "bbox": [x, y, x + w, y + h], "bbox_label": label}
            if mask := self._masks[place]:
                one["mask"] = mask
            instances.append(one)
        return instances


def _reasons(columns: dict[str, np.ndarray], images: np.ndarray) -> np.ndarray:
    """Return why each box is not used, as a number: 0, or from 1 on a place in ``_REASONS``."""
    if not len(columns["size"]):
        return np.zeros(len(images), np.int8)
    x, y, w, h = columns["box"].T
    width, height = columns["size"][images].T
    with np.errstate(invalid="ignore", over="ignore"):
        conditions = (
            ~np.isfinite(columns["box"]).all(axis=1),
            (w <= 0) | (h <= 0),
            (np.minimum(x + w, width) <= np.maximum(x, 0))
            | (np.minimum(y + h, height) <= np.maximum(y, 0)),
            (w < 1) | (h < 1),
            columns["area"] <= 0,
        )
    return np.select(conditions, np.arange(1, 6, dtype=np.int8), np.int8(0))
