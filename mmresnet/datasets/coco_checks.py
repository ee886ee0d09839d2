"""Whether annotations in COCO's format fit the classes and images that they are used with."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable

from mmresnet.errors import UserError, did_you_mean


def class_names(classes: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of ``('cat', 'dog')``, of ``'cat,dog'``, or of ``'cat'`` alone.

    A command line gives the second, and ``('cat')``, where a comma was forgotten, is the third.
    """
    if isinstance(classes, str):
        return tuple(name.strip() for name in classes.split(","))
    return tuple(classes)


def check_classes(
    classes: Iterable[str],
    given_by: str,
    known: Iterable[str],
    path: str | os.PathLike,
    way_out: str = "Leave metainfo out to take the classes of the file.",
) -> None:
    """Refuse classes that the categories of a file do not have.

    Raises:
        UserError: naming both sides and the nearest match of the first that is missing.
    """
    classes, known = list(classes), list(known)
    missing = [name for name in classes if name not in known]
    if missing:
        matched = len(classes) - len(missing)
        raise UserError(
            f"{given_by} names {in_short(classes)}, but the categories of '{path}' are "
            f"{in_short(known)}: {matched or 'none'} of the {len(classes)} match, and "
            f"'{missing[0]}' is missing.{did_you_mean(missing[0], known)} {way_out}"
        )


def in_short(names: Iterable[str], most: int = 6) -> str:
    """Return ``'a', 'b', 'c' … (80 in all)``."""
    names = [f"'{name}'" for name in names]
    if len(names) <= most:
        return ", ".join(names) or "nothing"
    return f"{', '.join(names[: most - 1])} … ({len(names)} in all)"


def why_left_out(annotation: dict, width: float, height: float) -> str | None:
    """Return why mmdet's ``CocoDataset`` leaves an annotation out, or None if it is used."""
    x, y, w, h = annotation["bbox"]
    if not all(map(math.isfinite, (x, y, w, h))):
        return "with a coordinate that is no finite number"
    if w <= 0 or h <= 0:
        return "of zero or negative size"
    if min(x + w, width) <= max(x, 0) or min(y + h, height) <= max(y, 0):
        return "outside of their image"
    if w < 1 or h < 1:
        return "narrower than a pixel"
    if annotation["area"] <= 0:
        return "with an area of zero or less"
    return None


def missing_images(names: Iterable[str], folder: str | os.PathLike) -> list[str]:
    """Return those of the file names that do not exist below ``folder``.

    Each folder is listed once, which on a network drive is much quicker than asking for files.
    """
    listed: dict[str, set[str]] = {}
    missing = []
    for name in names:
        place, file = os.path.split(os.path.join(folder, name))
        if place not in listed:
            listed[place] = set(os.listdir(place)) if os.path.isdir(place) else set()
        if file not in listed[place]:
            missing.append(name)
    return missing


def check_images(path: str | os.PathLike, names: list[str], folder: str | os.PathLike) -> None:
    """Refuse an annotation file that lists images which are not there.

    Raises:
        UserError: with their number, the first of them, and what to do.
    """
    missing = missing_images(names, folder)
    if missing:
        found = "" if os.path.isdir(folder) else ", a folder that does not exist"
        raise UserError(
            f"{len(missing)} of the {len(names)} images that '{path}' lists are missing in "
            f"'{folder}'{found} (the first: '{missing[0]}'): put them there, set "
            "data_prefix.img to where they are, or take them out of the file."
        )


def describe(path: str | os.PathLike, content: dict, classes: Iterable[str]) -> list[str]:
    """Return lines on what a file holds: its size, boxes left out, classes without boxes."""
    names = {category["id"]: category["name"] for category in content["categories"]}
    images = {image["id"]: image for image in content["images"]}
    classes = list(classes)
    used, reasons, first, strays = Counter(), Counter(), {}, 0
    for annotation in content["annotations"]:
        image = images.get(annotation["image_id"])
        name = names.get(annotation["category_id"])
        if image is None or name is None:
            strays += 1
        elif name in classes and not annotation.get("ignore"):
            reason = why_left_out(annotation, image["width"], image["height"])
            if reason is None:
                used[name] += 1
            else:
                reasons[reason] += 1
                first.setdefault(reason, (annotation["id"], image["file_name"]))
    lines = [
        f"'{path}': {len(images)} images, {sum(used.values())} boxes of {len(classes)} classes."
    ]
    for reason, count in reasons.items():
        number, file = first[reason]
        lines.append(
            f"'{path}': {count} boxes {reason} are left out (the first: annotation {number} of "
            f"'{file}')."
        )
    if strays:
        lines.append(
            f"'{path}': {strays} annotations of an image or a category that the file does not "
            "list are left out."
        )
    if empty := [name for name in classes if not used[name]]:
        lines.append(f"'{path}': no boxes of {in_short(empty)}.")
    return lines
