"""From a model's predictions to plain values, and from these to JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmresnet.atomic import atomic_write
from mmresnet.evaluation.results import Label, Object, Result, encode_mask

if TYPE_CHECKING:
    from mmresnet.inference.pipeline import Image

TOP_K = 5  # labels returned for an image of a single-label classifier


def describe(
    image: Image, sample: Any, classes: list[str], score_thr: float, multi_label: bool
) -> Result:
    """Return the predictions in ``sample``, a DataSample or DetDataSample, as plain values.

    Args:
        score_thr: Objects, and labels of a multi-label classifier, with lower scores are left out.
        multi_label: Whether an image can have any number of classes, or has exactly one.
    """
    height, width = image.pixels.shape[:2]
    result: Result = {"path": image.source.path, "width": width, "height": height}
    if image.frame is not None:
        result["frame"], result["time"] = image.frame, image.time
    if "pred_instances" in sample:
        result["objects"] = _objects(sample.pred_instances, classes, score_thr)
    else:
        result["labels"] = _labels(sample.pred_score, classes, score_thr, multi_label)
    return result


def _label(class_id: int, score: float, classes: list[str]) -> Label:
    name = classes[class_id] if class_id < len(classes) else str(class_id)
    return {"class_id": class_id, "name": name, "score": round(score, 6)}


def _labels(scores: Any, classes: list[str], score_thr: float, multi_label: bool) -> list[Label]:
    values, ids = scores.float().cpu().sort(descending=True)
    labels = [_label(*pair, classes) for pair in zip(ids.tolist(), values.tolist(), strict=True)]
    return [one for one in labels if one["score"] >= score_thr] if multi_label else labels[:TOP_K]


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


def write_json(document: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write ``document`` atomically, with a line for each dict in its lists."""
    entries = []
    for key, value in document.items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines = ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in value)
            text = f"[\n{lines}\n ]"
        entries.append(f" {json.dumps(key)}: {text}")
    with atomic_write(path) as file:
        file.write("{\n" + ",\n".join(entries) + "\n}\n")
