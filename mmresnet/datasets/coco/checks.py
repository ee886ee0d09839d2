"""Checks of annotations in COCO's format against classes and images."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mmresnet.datasets.shards.paths import shards_of
from mmresnet.errors import UserError, did_you_mean

# why a box is not used
NOT_FINITE = "with a coordinate that is not finite"
NOT_POSITIVE = "of zero or negative size"
OUTSIDE = "outside of their image"
THIN = "narrower than a pixel"
UNCOVERED = "with an area of zero or less"


def class_names(classes: str | Iterable[str]) -> tuple[str, ...]:
    """Return the class names in ``('cat', 'dog')``, ``'cat,dog'`` or ``'cat'``.

    The second is given on a command line; the third is also ``('cat')``, without its comma.
    """
    if isinstance(classes, str):
        return tuple(name.strip() for name in classes.split(","))
    return tuple(classes)


def check_classes(
    classes: Iterable[str],
    given_by: str,
    known: Iterable[str],
    path: str | os.PathLike[str],
    remedy: str = "Leave metainfo out to take the classes of the file.",
) -> None:
    """Check that every class, given by ``given_by``, is a category of the file.

    Raises:
        UserError: with both lists and the nearest match of the first class that is missing.
    """
    classes, known = list(classes), list(known)
    missing = [name for name in classes if name not in known]
    if missing:
        matched = len(classes) - len(missing)
        raise UserError(
            f"{given_by} names {quoted(classes)}, but the categories of '{path}' are "
            f"{quoted(known)}: {matched or 'none'} of the {len(classes)} match, and "
            f"'{missing[0]}' is missing.{did_you_mean(missing[0], known)} {remedy}"
        )


def quoted(names: Iterable[str], most: int = 6) -> str:
    """Return ``'a', 'b', 'c' … (80 in all)``, with at most ``most`` parts."""
    names = [f"'{name}'" for name in names]
    if len(names) <= most:
        return ", ".join(names) or "nothing"
    return f"{', '.join(names[: most - 1])} … ({len(names)} in all)"


def skip_reason(annotation: dict[str, Any], width: float, height: float) -> str | None:
    """Return why mmdet's ``CocoDataset`` skips an annotation, or None if it is used."""
    x, y, w, h = annotation["bbox"]
    if not all(map(math.isfinite, (x, y, w, h))):
        return NOT_FINITE
    if w <= 0 or h <= 0:
        return NOT_POSITIVE
    if min(x + w, width) <= max(x, 0) or min(y + h, height) <= max(y, 0):
        return OUTSIDE
    if w < 1 or h < 1:
        return THIN
    if annotation["area"] <= 0:
        return UNCOVERED
    return None


def missing_images(names: Iterable[str], folder: str | os.PathLike[str]) -> list[str]:
    """Return the file names that do not exist below ``folder``, which may be one in shards.

    Each folder is listed once, which on a network drive is much faster than a check per file.
    """
    if (found := shards_of(folder)) is not None:
        shards, inside = found
        known = set(shards.index.images_below(inside, by_class=False).names.tolist())
        return [name for name in names if name not in known]
    listed: dict[str, set[str]] = {}
    missing = []
    for name in names:
        parent, file = str(folder), name
        if os.path.basename(name) != name:
            parent, file = os.path.split(os.path.join(folder, name))
        if parent not in listed:
            listed[parent] = set(os.listdir(parent)) if os.path.isdir(parent) else set()
        if file not in listed[parent]:
            missing.append(name)
    return missing


def check_images(
    path: str | os.PathLike[str], names: list[str], folder: str | os.PathLike[str]
) -> None:
    """Check that the images listed in an annotation file exist.

    Raises:
        UserError: with the number of missing images, the first of them, and what to do.
    """
    missing = missing_images(names, folder)
    if missing:
        there = os.path.isdir(folder) or shards_of(folder) is not None
        found = "" if there else ", a folder that does not exist"
        raise UserError(
            f"{len(missing)} of the {len(names)} images that '{path}' lists are missing in "
            f"'{folder}'{found} (the first: '{missing[0]}'): put them there, set "
            "data_prefix.img to where they are, or take them out of the file."
        )


@dataclass
class Boxes:
    """How the boxes of a file are used.

    Attributes:
        used: The number of boxes of each class.
        left_out: By reason, id and image of each annotation of these classes that is left out.
        unlisted: The number of annotations whose image or category the file does not list.
    """

    used: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    unlisted: int = 0


def sort_boxes(content: dict[str, Any], classes: Iterable[str]) -> Boxes:
    """Sort the annotations of a file into those that are used and those that are not."""
    names = {category["id"]: category["name"] for category in content["categories"]}
    images = {image["id"]: image for image in content["images"]}
    classes, boxes = set(classes), Boxes()
    for annotation in content["annotations"]:
        image = images.get(annotation["image_id"])
        name = names.get(annotation["category_id"])
        if image is None or name is None:
            boxes.unlisted += 1
        elif name in classes and not annotation.get("ignore"):
            reason = skip_reason(annotation, image["width"], image["height"])
            if reason is None:
                boxes.used[name] += 1
            else:
                found = boxes.left_out.setdefault(reason, [])
                found.append((annotation["id"], image["file_name"]))
    return boxes


def check_boxes(path: str | os.PathLike[str], boxes: Boxes) -> None:
    """Check that no box lies outside of its image.

    Raises:
        UserError: with the number of those, the first of them, and what to do.
    """
    if outside := boxes.left_out.get(OUTSIDE):
        number, file = outside[0]
        counted = "1 box lies" if len(outside) == 1 else f"{len(outside):,} boxes lie"
        raise UserError(
            f"'{path}': {counted} outside of their image (the first: annotation {number} of "
            f"'{file}'). Correct or delete them; with on_bad_sample='skip' of the data set they "
            "are left out."
        )


def summarize(
    path: str | os.PathLike[str], images: int, classes: Iterable[str], boxes: Boxes
) -> list[str]:
    """Return lines for the log: the size of a file, unusable boxes, classes without boxes."""
    classes, used = list(classes), boxes.used
    lines = [f"'{path}': {images} images, {sum(used.values())} boxes of {len(classes)} classes."]
    for reason, found in boxes.left_out.items():
        number, file = found[0]
        lines.append(
            f"'{path}': {len(found)} boxes {reason} are left out (the first: annotation {number} "
            f"of '{file}')."
        )
    if boxes.unlisted:
        lines.append(
            f"'{path}': {boxes.unlisted} annotations of an image or a category that the file does "
            "not list are left out."
        )
    if empty := [name for name in classes if not used[name]]:
        lines.append(f"'{path}': no boxes of {quoted(empty)}.")
    return lines
