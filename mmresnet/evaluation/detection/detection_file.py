"""Files of detections with the true boxes: what a detector found in a set, and what is there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmresnet.atomic import atomic_write
from mmresnet.errors import UserError, UserFileNotFoundError

_LISTS = ("images", "categories", "annotations", "detections")


@dataclass
class Detections:
    """A set as in COCO's format, and what was found in it. Boxes are [x, y, width, height].

    Attributes:
        images: ``id``, ``file_name``, ``path``, ``width`` and ``height`` of each; an absolute path.
        categories: ``id`` and ``name`` of each, in the order of the model's labels.
        annotations: The true boxes, with ``id``, ``image_id``, ``category_id``, ``bbox``, ``area``,
            ``iscrowd`` and ``ignore``.
        detections: ``image_id``, ``category_id``, ``bbox`` and ``score`` of each.
        test: What identifies the test: split, config, checkpoint, epoch.
        rule: How the run's metric matches boxes: "coco" or "voc".
    """

    images: list[dict[str, Any]]
    categories: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    detections: list[dict[str, Any]]
    test: Mapping[str, Any] = field(default_factory=dict)
    rule: str = "coco"


def save(path: str | os.PathLike[str], found: Detections) -> None:
    """Write detections as JSON, complete or not at all."""
    text = json.dumps(vars(found), separators=(",", ":"), default=str)
    with atomic_write(path) as file:
        file.write(text)


def load(path: str | os.PathLike[str]) -> Detections:
    """Read what :func:`save` wrote.

    Raises:
        UserError: There is no such file, or it is another one.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except FileNotFoundError as error:
        raise UserFileNotFoundError(f"There is no file of detections '{path}'.") from error
    except (ValueError, OSError) as error:
        raise UserError(f"'{path}' is no file of detections: {error}.") from error
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in _LISTS):
        raise UserError(f"'{path}' is no file of detections: it lacks {', '.join(_LISTS)}.")
    images, categories, annotations, detections = (content[key] for key in _LISTS)
    test, rule = content.get("test") or {}, content.get("rule", "coco")
    return Detections(images, categories, annotations, detections, test, rule)
