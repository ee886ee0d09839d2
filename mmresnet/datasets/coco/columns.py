"""Annotation files in COCO's format as arrays, a row for each image or annotation.

Objects of 861,400 annotations take 1.1 GB and as long to make as ten times the parsing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np

from mmresnet.datasets import index_files
from mmresnet.datasets.coco.masks import Masks
from mmresnet.datasets.index_files import Index, Texts
from mmresnet.datasets.json_arrays import arrays
from mmresnet.memory import without_collection


def read_columns(path: str | os.PathLike[str]) -> Index | None:
    """Return the columns of an annotation file, from the cache if it has those of this file.

    Of ``n`` images and ``m`` annotations, which are sorted by image and else as in the file:

    ===============  =====================  ======================================================
    image_id         int64 (n,)
    size             int64 (n, 2)           width, height
    names            uint8, with ``ends``   ``file_name``, as :class:`Texts`
    first            int64 (n + 1,)         the row of the first annotation of each image
    annotation_id    int64 (m,)
    place            int64 (m,)             its place in the file
    category         int32 (m,)             the place of its category, -1 for one not listed
    box              float64 (m, 4)         x, y, width, height
    area             float64 (m,)
    crowd, ignore    bool (m,)
    ===============  =====================  ======================================================

    Annotations of images that are not listed come first. :class:`Masks` has further ones. The
    description has the ``categories``, and whether there is a list of annotations.

    Returns:
        None for a file that arrays do not fit, such as one with texts as ids, or with a mistake:
        :func:`mmresnet.datasets.coco.file.read_coco` reads the first, and explains the other.
    """
    try:
        before, now = os.stat(path), time.time_ns()
        stamp = index_files.stamp_of(before)
        key = (os.path.realpath(path),)
        if (found := index_files.load("coco", key, stamp)) is not None:
            return found
        index = _parse(path)
        if index is None or index_files.stamp_of(os.stat(path)) != stamp:
            return index
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
    settled = index_files.stamp_of(before, now)
    return index if settled is None else index_files.save("coco", key, index, settled)


def cached_classes(path: str | os.PathLike[str]) -> tuple[str, ...] | None:
    """Return the names of a file's categories if the cache has them."""
    try:
        stamp = index_files.stamp_of(os.stat(path))
    except OSError:
        return None
    found = index_files.load("coco", (os.path.realpath(path),), stamp)
    return (
        None if found is None else tuple(category["name"] for category in found.meta["categories"])
    )


def _parse(path: str | os.PathLike[str]) -> Index | None:
    """Return the columns of a file, or None if they do not fit it.

    Raises:
        ValueError, TypeError, KeyError, AttributeError, OverflowError: Likewise.
    """
    images, annotations, masks = _Columns(), _Columns(), Masks()
    categories: list[dict[str, Any]] | None = None
    seen = [""]
    with open(path, encoding="utf-8") as file, without_collection():
        for key, rows in arrays(file):
            if key != seen[-1]:
                if key in seen:
                    return None  # the last one counts
                seen.append(key)
            if key in ("images", "annotations", "categories") and rows is None:
                return None
            if key == "images":
                images.add(_images(rows))
            elif key == "annotations":
                annotations.add(_annotations(rows))
                masks.add([row.get("segmentation") for row in rows or ()])
            elif key == "categories":
                categories = [*(categories or ()), *(rows or ())]
    if categories is None or "images" not in seen:
        return None
    columns, meta = _listed(categories)
    found = _joined(images.joined(_images([])), annotations.joined(_annotations([])), columns)
    if found is None or meta is None:
        return None
    return Index(found | masks.arrays(), {"categories": meta, "annotated": "annotations" in seen})


class _Columns:
    """Columns that grow by blocks."""

    def __init__(self) -> None:
        self._blocks: list[dict[str, np.ndarray]] = []

    def add(self, block: dict[str, np.ndarray]) -> None:
        self._blocks.append(block)

    def joined(self, empty: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the whole columns, and forget the blocks."""
        blocks = [empty, *self._blocks]
        self._blocks = []
        return {name: np.concatenate([b.pop(name) for b in blocks]) for name in list(empty)}


def _integers(values: Iterable[Any]) -> np.ndarray:
    """Return a column of integers.

    Raises:
        ValueError: There are other values.
    """
    found = np.array(list(values))
    if found.size and found.dtype != np.int64:
        raise ValueError("values that are no integers of 64 bits")
    return found.astype(np.int64, copy=False)


def _numbers(values: Iterable[Any]) -> np.ndarray:
    """Return a column of numbers.

    Raises:
        ValueError: There are other values.
    """
    found = list(values)
    if set(map(type, found)) - {int, float}:
        raise ValueError("values that are no numbers")
    return np.array(found, np.float64)


def _field(rows: list[Any], name: str) -> Iterator[Any]:
    return map(itemgetter(name), rows)


def _flags(rows: list[Any], name: str) -> np.ndarray:
    return np.array([bool(row.get(name)) for row in rows], bool)


def _repeats(column: np.ndarray) -> bool:
    column = np.sort(column)
    return bool((column[1:] == column[:-1]).any())


def _images(rows: list[Any] | None) -> dict[str, np.ndarray]:
    rows = rows or []
    names = Texts.pack(_field(rows, "file_name"))
    sizes = map(itemgetter("width", "height"), rows)
    return {
        "image_id": _integers(_field(rows, "id")),
        "size": _integers(chain.from_iterable(sizes)).reshape(-1, 2),
        "names": names.content,
        "lengths": np.diff(names.ends, prepend=0),
    }


def _annotations(rows: list[Any] | None) -> dict[str, np.ndarray]:
    rows = rows or []
    boxes = list(_field(rows, "bbox"))
    if set(map(type, boxes)) - {list} or set(map(len, boxes)) - {4}:
        raise ValueError("a box that is no list of four")
    areas = [row.get("area") for row in rows]
    if None in areas:
        areas = [b[2] * b[3] if a is None else a for a, b in zip(areas, boxes, strict=True)]
    return {
        "annotation_id": _integers(_field(rows, "id")),
        "image": _integers(_field(rows, "image_id")),
        "category": _integers(_field(rows, "category_id")),
        "box": _numbers(chain.from_iterable(boxes)).reshape(-1, 4),
        "area": _numbers(areas),
        "crowd": _flags(rows, "iscrowd"),
        "ignore": _flags(rows, "ignore"),
    }


def _listed(
    categories: list[dict[str, Any]],
) -> tuple[np.ndarray, list[dict[str, Any]] | None]:
    """Return the ids of the categories, and what is kept of them; None if it is not right."""
    ids = _integers(category["id"] for category in categories)
    names = [category["name"] for category in categories]
    unique = len(set(names)) == len(set(ids.tolist())) == len(names) > 0
    if not unique or set(map(type, names)) != {str}:
        return ids, None
    return ids, [{"id": i, "name": name} for i, name in zip(ids.tolist(), names, strict=True)]


def _joined(
    images: dict[str, np.ndarray], annotations: dict[str, np.ndarray], categories: np.ndarray
) -> dict[str, np.ndarray] | None:
    """Return all columns with the annotations sorted by image; None if ids occur twice."""
    ids = images["image_id"]
    if _repeats(ids) or _repeats(annotations["annotation_id"]):
        return None
    row_of = _places(ids, annotations.pop("image"))
    order = np.argsort(row_of, kind="stable")
    annotations["category"] = _places(categories, annotations["category"]).astype(np.int32)
    for name in list(annotations):
        annotations[name] = annotations[name][order]
    images["ends"] = np.cumsum(images.pop("lengths"), dtype=np.int64)
    first = np.searchsorted(row_of[order], np.arange(len(ids) + 1))
    return {**images, **annotations, "place": order, "first": first.astype(np.int64)}


def _places(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the place in ``known`` of each value, or -1."""
    if not len(known):
        return np.full(len(wanted), -1)
    order = np.argsort(known)
    places = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    return np.where(known[places] == wanted, places, -1)
