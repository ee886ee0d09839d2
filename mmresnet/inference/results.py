"""What a model says of an image, as plain values: the same in Python and in the JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from mmresnet.atomic import atomic_write

if TYPE_CHECKING:
    from mmresnet.inference.pipeline import Image

BEST = 5  # labels of a classifier that gives each image one class


class Label(TypedDict):
    """A class that an image shows; ``score`` lies in [0, 1]."""

    class_id: int
    name: str
    score: float


class Mask(TypedDict):
    """The pixels of an object, run-length encoded as by COCO; ``size`` is [height, width]."""

    size: list[int]
    counts: str


class _Box(Label):
    box: list[float]


class Object(_Box, total=False):
    """An object in an image. ``box`` is [x1, y1, x2, y2] in pixels of the image as it was read."""

    mask: Mask


class _Image(TypedDict):
    path: str | None
    width: int
    height: int


class Result(_Image, total=False):
    """What is said of an image (``path`` None for an array) or of a frame of a video.

    ``labels`` stands there for a classifier, ``objects`` for a detector, each with the highest
    scores first; ``frame`` (from 0) and ``time`` (in seconds) for a frame; ``picture``, a path from
    the output folder, where one was written.
    """

    frame: int
    time: float
    labels: list[Label]
    objects: list[Object]
    picture: str


def describe(
    image: Image, sample: Any, classes: list[str], score_thr: float, several_labels: bool
) -> Result:
    """Return what ``sample`` holds, a DataSample or DetDataSample with predictions.

    Args:
        score_thr: Of objects, and of labels where an image can have several, those with lower
            scores are left out.
        several_labels: Whether an image can have any number of classes, or has just one.
    """
    height, width = image.pixels.shape[:2]
    result: Result = {"path": image.source.path, "width": width, "height": height}
    if image.frame is not None:
        result["frame"], result["time"] = image.frame, image.time
    if "pred_instances" in sample:
        result["objects"] = _objects(sample.pred_instances, classes, score_thr)
    else:
        result["labels"] = _labels(sample.pred_score, classes, score_thr, several_labels)
    return result


def _label(class_id: int, score: float, classes: list[str]) -> Label:
    name = classes[class_id] if class_id < len(classes) else str(class_id)
    return {"class_id": class_id, "name": name, "score": round(score, 6)}


def _labels(scores: Any, classes: list[str], score_thr: float, several: bool) -> list[Label]:
    values, ids = scores.float().cpu().sort(descending=True)
    labels = [_label(*pair, classes) for pair in zip(ids.tolist(), values.tolist(), strict=True)]
    return [one for one in labels if one["score"] >= score_thr] if several else labels[:BEST]


def _objects(instances: Any, classes: list[str], score_thr: float) -> list[Object]:
    scores = instances.scores.float().cpu()
    kept = [index for index in scores.argsort(descending=True) if scores[index] >= score_thr]
    boxes, ids = instances.bboxes.float().cpu(), instances.labels.cpu()
    masks = instances.masks.cpu() if "masks" in instances else None
    objects = []
    for index in kept:
        found: Object = {
            **_label(int(ids[index]), float(scores[index]), classes),
            "box": [round(value, 2) for value in boxes[index].tolist()],
        }
        if masks is not None:
            found["mask"] = encode_mask(masks[index].numpy())
        objects.append(found)
    return objects


def encode_mask(mask: Any) -> Mask:
    """Encode a mask, (H, W) of bool, as COCO does; ``pycocotools.mask.decode`` takes it."""
    import numpy as np
    from pycocotools import mask as coco

    encoded = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode()}


def decode_mask(mask: Mask) -> Any:
    """Return the (H, W) array of bool that :func:`encode_mask` has encoded."""
    from pycocotools import mask as coco

    return coco.decode({**mask, "counts": mask["counts"].encode()}).astype(bool)


def write_json(document: Mapping[str, Any], path: str | os.PathLike) -> None:
    """Write ``document``, whose lists of dicts get a line for each; the file appears whole."""
    entries = []
    for key, value in document.items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines = ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in value)
            text = f"[\n{lines}\n ]"
        entries.append(f" {json.dumps(key)}: {text}")
    with atomic_write(path) as file:
        file.write("{\n" + ",\n".join(entries) + "\n}\n")
