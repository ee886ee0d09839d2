"""Match a detector's results with annotations: true positives, false positives and negatives."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from mmresnet.datasets.coco.file import read_coco
from mmresnet.errors import UserError, UserFileNotFoundError, require

IOU_THR = 0.5  # the lowest intersection over union with which a detection matches an object


class Outcome(Enum):
    """What a box counts as; a false negative is an object that was not detected."""

    TRUE_POSITIVE = "true positive"
    FALSE_POSITIVE = "false positive"
    FALSE_NEGATIVE = "false negative"


@dataclass
class Box:
    """A detection, or the annotated box of a false negative."""

    corners: tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels of the image
    name: str
    outcome: Outcome
    score: float = 1.0


@dataclass
class Scene:
    """An image and its boxes."""

    path: str
    boxes: list[Box]

    @property
    def mistakes(self) -> int:
        return sum(box.outcome != Outcome.TRUE_POSITIVE for box in self.boxes)


def match(results: str | os.PathLike[str], annotations: str | os.PathLike[str]) -> list[Scene]:
    """Match the detections in each image with its annotated boxes.

    Detections are taken by descending score. Each is matched with the annotated box of its class
    that has the highest IoU with it among those not matched yet, and is a true positive if the IoU
    is at least 0.5. Other detections are false positives, but those within a crowd are ignored.

    Args:
        results: ``results.json`` of ``mmresnet infer``.
        annotations: A file in COCO's format; images are identified by their file names.

    Raises:
        UserError: A file is missing or of another kind, or they have no image in common.
    """
    detections = _read_results(results)
    content = read_coco(annotations)
    names = {category["id"]: category["name"] for category in content["categories"]}
    objects = defaultdict(list)
    for annotation in content["annotations"]:
        objects[annotation["image_id"]].append(annotation)
    ids = {image["file_name"]: image["id"] for image in content["images"]}
    scenes = []
    for result in detections:
        image = _find(result["path"], ids)
        if image is not None:
            boxes = _match_image(result["objects"], objects[image], names)
            scenes.append(Scene(result["path"], boxes))
    if not scenes:
        raise UserError(
            f"'{results}' and '{annotations}' have no image in common: give the annotations of the "
            "images that 'mmresnet infer' was run on."
        )
    return scenes


def summary(scenes: list[Scene]) -> str:
    """Return the number of objects found and of false positives and negatives, in one line."""
    counts = Counter(box.outcome for scene in scenes for box in scene.boxes)
    found, missed = counts[Outcome.TRUE_POSITIVE], counts[Outcome.FALSE_NEGATIVE]
    return (
        f"{len(scenes):,} images: {found:,} of {found + missed:,} objects found, "
        f"{counts[Outcome.FALSE_POSITIVE]:,} false positives, {missed:,} false negatives"
    )


def _read_results(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    try:
        results = json.loads(Path(path).read_text(encoding="utf-8"))["results"]
        return [one for one in results if one["path"] is not None and one["objects"] is not None]
    except FileNotFoundError as error:
        raise UserFileNotFoundError(
            f"There is no file '{path}': give the results.json that 'mmresnet infer' wrote."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"'{path}' does not hold a detector's results: give results.json of 'mmresnet infer'."
        ) from error


def _find(path: str, ids: dict[str, int]) -> int | None:
    """Return the id of the image whose file name, possibly with folders, ends ``path``."""
    parts = Path(path).parts
    endings = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((ids[ending] for ending in endings if ending in ids), None)


def _match_image(
    objects: list[dict[str, Any]], annotations: list[dict[str, Any]], names: dict[int, str]
) -> list[Box]:
    import numpy as np

    coco = require("pycocotools.mask", "Matching detections")
    objects = sorted(objects, key=lambda one: -one["score"])
    labels = [names[annotation["category_id"]] for annotation in annotations]
    crowds = [bool(annotation["iscrowd"]) for annotation in annotations]
    detected = [one["box"] for one in objects]
    detected = [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in detected]
    # (objects, annotations); for a crowd, COCO divides the intersection by the object's own area
    ious = coco.iou(detected, [annotation["bbox"] for annotation in annotations], crowds)
    ious = np.reshape(ious, (len(objects), len(annotations)))  # [] if there are no boxes
    unmatched = [index for index, crowd in enumerate(crowds) if not crowd]
    boxes = []
    for one, iou in zip(objects, ious, strict=True):
        same_class = [index for index in unmatched if labels[index] == one["name"]]
        best = max(same_class, key=iou.__getitem__, default=None)
        if best is not None and iou[best] >= IOU_THR:
            unmatched.remove(best)
            outcome = Outcome.TRUE_POSITIVE
        elif (iou[crowds] >= IOU_THR).any():
            continue
        else:
            outcome = Outcome.FALSE_POSITIVE
        boxes.append(Box(tuple(one["box"]), one["name"], outcome, one["score"]))
    for index in unmatched:
        x, y, width, height = annotations[index]["bbox"]
        boxes.append(Box((x, y, x + width, y + height), labels[index], Outcome.FALSE_NEGATIVE))
    return boxes
