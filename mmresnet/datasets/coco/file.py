"""Reading annotation files in COCO's format."""

from __future__ import annotations

import json
import mmap
import os
from collections import Counter
from pathlib import Path
from typing import Any

from mmresnet.datasets.coco.columns import cached_classes
from mmresnet.errors import UserError

LAYOUT = (
    "<data_root>/annotations/instances_train2017.json and instances_val2017.json beside the image "
    "folders <data_root>/train2017 and <data_root>/val2017"
)
_REQUIRED = {
    "images": ("id", "file_name", "width", "height"),
    "annotations": ("id", "image_id", "category_id", "bbox"),
    "categories": ("id", "name"),
}


def read_coco(
    path: str | os.PathLike[str], annotated: bool = True
) -> dict[str, list[dict[str, Any]]]:
    """Read the images, annotations and categories of a file.

    Fields that many tools omit are filled in: ``iscrowd`` is 0, ``area`` that of the box.

    Args:
        annotated: False allows files without annotations, such as those of COCO's test sets.

    Raises:
        UserError: the file is missing, not JSON, not a COCO file, or inconsistent.
    """
    content = _load(path)
    if not isinstance(content, dict):
        raise UserError(
            f"'{path}' holds a list, as files of detections do; a COCO annotation file holds an "
            f"object with {', '.join(_REQUIRED)}."
        )
    if not annotated:
        content.setdefault("annotations", [])
    missing = [key for key in _REQUIRED if not isinstance(content.get(key), list)]
    if missing:
        raise UserError(
            f"'{path}' is not a COCO annotation file: it has no list of {' and '.join(missing)} "
            f"(it has {', '.join(map(str, content)) or 'nothing'})."
        )
    for key, fields in _REQUIRED.items():
        _check_entries(path, key, content[key], fields)
    _check_names(path, content["categories"])
    for annotation in content["annotations"]:
        box = annotation["bbox"]
        if not (isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))):
            raise UserError(
                f"'{path}': annotation {annotation['id']} has bbox={box!r}: it must be "
                "[x, y, width, height] in pixels."
            )
        annotation.setdefault("iscrowd", 0)
        if annotation.get("area") is None:
            annotation["area"] = box[2] * box[3]
    return content


def read_classes(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the names of the categories in the order of the file.

    Only the list of categories is parsed, unless the cache has the file or the list cannot be found
    by its key.

    Raises:
        UserError: as :func:`read_coco`, for the part that is read.
    """
    if (cached := cached_classes(path)) is not None:
        return cached
    categories = _find_categories(Path(path)) if os.path.isfile(path) else None
    if categories is None:
        categories = read_coco(path, annotated=False)["categories"]
    _check_entries(path, "categories", categories, _REQUIRED["categories"])
    _check_names(path, categories)
    return tuple(category["name"] for category in categories)


def _load(path: str | os.PathLike[str]) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError as error:
        raise UserError(
            f"There is no annotation file '{path}': set data_root or ann_file to where it is; "
            f"COCO's layout is {LAYOUT}."
        ) from error
    except IsADirectoryError as error:
        raise UserError(
            f"The annotation file '{path}' is a folder: set ann_file to a file."
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"The annotation file '{path}' is not text: {error}.") from error
    except json.JSONDecodeError as error:
        raise UserError(
            f"The annotation file '{path}' is not valid JSON: {error.msg} in line {error.lineno}, "
            f"column {error.colno}; it may have been cut off while it was copied."
        ) from error


def _find_categories(path: Path) -> list[Any] | None:
    """Return the list after ``"categories":`` in a file, or None unless there is exactly one."""
    if path.stat().st_size == 0:
        return None
    found = []
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        key = b'"categories"'
        position = text.find(key)
        while position >= 0:
            end = position + len(key)
            start = text.find(b"[", end)
            if start >= 0 and text[end:start].strip() == b":":
                found.append(start)
            position = text.find(key, end)
        if len(found) != 1:
            return None
        size = 1 << 16
        while True:
            part = text[found[0] : found[0] + size]
            try:
                return json.JSONDecoder().raw_decode(part.decode("utf-8", errors="ignore"))[0]
            except json.JSONDecodeError:
                if found[0] + size >= len(text):
                    return None
                size *= 8


def _check_entries(
    path: str | os.PathLike[str], key: str, entries: list[Any], fields: tuple[str, ...]
) -> None:
    seen = set()
    for index, entry in enumerate(entries):
        absent = [f for f in fields if f not in entry] if isinstance(entry, dict) else list(fields)
        if absent:
            raise UserError(f"'{path}': {key}[{index}] has no {' and no '.join(absent)}.")
        if entry["id"] in seen:
            raise UserError(
                f"'{path}': the id {entry['id']} occurs twice in {key}: ids must be unique."
            )
        seen.add(entry["id"])


def _check_names(path: str | os.PathLike[str], categories: list[dict[str, Any]]) -> None:
    if not categories:
        raise UserError(f"'{path}' lists no categories, so there is nothing to detect.")
    for name, count in Counter(category["name"] for category in categories).items():
        if count > 1:
            raise UserError(f"'{path}' has {count} categories named '{name}'.")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
