"""What a model predicted in an evaluation, taken from its data samples and its data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmresnet.datasets.class_scores import ClassScores, names_below
from mmresnet.evaluation.detection.detection_file import Detections

Row = dict[str, Any]
"""What is kept of a sample."""

_FOUND = ("bboxes", "scores", "labels")
_TRUE = ("gt_instances", "ignored_instances")


def row_of(sample: Any) -> Row | None:
    """Return what is kept of a predicted data sample, None if it is another kind of prediction."""
    path = sample.get("img_path")
    common: Row = {"path": path if isinstance(path, str) else None}
    scores, found = sample.get("pred_score"), sample.get("pred_instances")
    if isinstance(scores, torch.Tensor) and scores.ndim == 1:
        return common | _classified(sample, scores)
    if found is None or not all(key in found for key in _FOUND) or "img_id" not in sample:
        return None
    boxes = _array(found["bboxes"])
    return common | _detected(sample, boxes) if boxes.shape[1:] == (4,) else None


def _classified(sample: Any, scores: torch.Tensor) -> Row:
    label = sample.get("gt_label")
    one = isinstance(label, torch.Tensor) and label.numel() == 1
    return {"scores": _array(scores), "label": int(label) if one else None}


def _detected(sample: Any, boxes: np.ndarray) -> Row:
    height, width = sample.get("ori_shape")[:2]
    true = [part for key in _TRUE if (part := sample.get(key)) is not None and "bboxes" in part]
    return {
        "image": sample.get("img_id"),
        "size": (int(width), int(height)),
        "boxes": boxes,
        "scores": _array(sample.pred_instances["scores"]),
        "labels": _array(sample.pred_instances["labels"]),
        "objects": [(_array(part["bboxes"]), _array(part["labels"])) for part in true],
    }


def _array(tensor: Any) -> np.ndarray:
    tensor = getattr(tensor, "tensor", tensor).detach().cpu()  # mmdet's boxes wrap one
    return np.asarray((tensor.float() if tensor.is_floating_point() else tensor).numpy())


def class_scores(
    rows: Sequence[Row], classes: Sequence[str], test: Mapping[str, Any]
) -> ClassScores:
    """Return the class scores of a set, in its order."""
    paths = [row["path"] for row in rows]
    on_disk = all(paths) and len(set(paths)) == len(paths)
    names = names_below(paths) if on_disk else [str(number) for number in range(len(rows))]
    folder = paths[0][: len(paths[0]) - len(names[0])] if on_disk else ""
    scores = np.stack([row["scores"] for row in rows])
    labels = [row["label"] for row in rows]
    if len(classes) != scores.shape[1]:
        classes = [str(number) for number in range(scores.shape[1])]
    known = None if None in labels else np.array(labels)
    return ClassScores(scores, names, list(classes), known, test, _absolute(folder))


def _absolute(folder: str) -> str:
    return folder if not folder or "://" in folder else str(Path(folder).absolute())


def detections(
    rows: Sequence[Row], classes: Sequence[str], test: Mapping[str, Any], metrics: Iterable[Any]
) -> Detections:
    """Return the detections of a set, and the true boxes that its metrics compared with.

    Args:
        metrics: A CocoMetric's boxes have their category, area and crowds; those of the samples are
            taken without one.
    """
    coco = next((one for one in metrics if getattr(one, "_coco_api", None) is not None), None)
    ids = list(range(1, len(classes) + 1)) if coco is None else list(coco.cat_ids)
    names = [Path(row["path"] or str(row["image"])) for row in rows]
    images = [
        {"id": row["image"], "file_name": path.name, "path": str(path.absolute())}
        | dict(zip(("width", "height"), row["size"], strict=True))
        for row, path in zip(rows, names, strict=True)
    ]
    true = _from_samples(rows, ids) if coco is None else _from_coco(rows, coco._coco_api)
    return Detections(
        images=images,
        categories=[{"id": i, "name": name} for i, name in zip(ids, classes, strict=True)],
        annotations=[{"id": number, **one} for number, one in enumerate(true, start=1)],
        detections=[one for row in rows for one in _found(row, ids)],
        test=test,
        rule="voc" if any(type(one).__name__ == "VOCMetric" for one in metrics) else "coco",
    )


def _found(row: Row, ids: Sequence[int]) -> Iterable[dict[str, Any]]:
    boxes = _xywh(row["boxes"])
    for box, score, label in zip(boxes, row["scores"].tolist(), row["labels"], strict=True):
        yield {
            "image_id": row["image"],
            "category_id": ids[label],
            "bbox": box,
            "score": round(score, 7),
        }


def _from_coco(rows: Sequence[Row], api: Any) -> Iterable[dict[str, Any]]:
    keys = ("image_id", "category_id", "bbox", "area", "iscrowd")
    for row in rows:
        for annotation in api.imgToAnns[row["image"]]:
            yield {key: annotation[key] for key in keys}


def _from_samples(rows: Sequence[Row], ids: Sequence[int]) -> Iterable[dict[str, Any]]:
    for row in rows:
        for ignored, (boxes, labels) in enumerate(row["objects"]):
            for box, label in zip(_xywh(boxes), labels, strict=True):
                yield {
                    "image_id": row["image"],
                    "category_id": ids[label],
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                    "ignore": ignored,
                }


def _xywh(boxes: np.ndarray) -> list[list[float]]:
    """Return boxes of corners (N, 4) as [x, y, width, height], rounded to 1e-4 pixels."""
    boxes = boxes.astype(float).reshape(-1, 4)
    rounded: list[list[float]] = (
        np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]).round(4).tolist()
    )
    return rounded
