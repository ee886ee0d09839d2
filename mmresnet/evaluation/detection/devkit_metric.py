"""What the metrics of PASCAL VOC and of ImageNet DET share."""

from __future__ import annotations

import glob
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from terminaltables import AsciiTable

from mmresnet.atomic import atomic_write
from mmresnet.errors import UserError, UserValueError
from mmresnet.evaluation.detection.average_precision import (
    FALSE_POSITIVE,
    IGNORED,
    average_precision,
    overlaps,
    precision_recall,
)


@dataclass
class ImageBoxes:
    """An image's detections and objects, as arrays; boxes are x1, y1, x2, y2 in its pixels.

    The objects are None where only result files are written.
    """

    name: str
    boxes: np.ndarray  # (n, 4)
    scores: np.ndarray  # (n,)
    labels: np.ndarray  # (n,)
    objects: np.ndarray | None = None  # (m, 4)
    object_labels: np.ndarray | None = None  # (m,)
    difficult: np.ndarray | None = None  # (m,)


@dataclass
class ClassResult:
    """The average precision of a class, NaN without objects, and the counts for the table."""

    objects: int
    detections: int
    recall: float
    ap: float


class DevkitMetric(BaseMetric):
    """Mean average precision of boxes, after the MATLAB code of a development kit.

    The objects are those of the data samples: the test pipeline has ``LoadAnnotations`` after
    ``Resize``, so that their boxes stay in pixels of the original image.

    Args:
        eval_mode: "11points" or "area": see
            :func:`mmresnet.evaluation.detection.average_precision.average_precision`.
        classwise: Add the average precision of each class to the results.
        format_only: Write result files, and evaluate nothing: for sets whose annotations are kept
            secret.
        outfile_prefix: Write the kit's result files, whose paths begin so.
        collect_device, prefix: mmengine's.

    Raises:
        UserError: ``format_only`` without ``outfile_prefix``, there are such files already, or the
            samples have no objects.
    """

    RESULT_FILES: ClassVar[str]
    """How the names of result files go on after their prefix, a glob."""

    def __init__(
        self,
        eval_mode: str,
        classwise: bool = False,
        format_only: bool = False,
        outfile_prefix: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if eval_mode not in ("11points", "area"):
            raise UserValueError(f"eval_mode is '11points' or 'area', not {eval_mode!r}.")
        if format_only and outfile_prefix is None:
            raise UserValueError("format_only=True writes result files: set outfile_prefix.")
        if outfile_prefix is not None:
            there = sorted(glob.glob(glob.escape(outfile_prefix) + self.RESULT_FILES))
            if there:
                raise UserError(
                    f"outfile_prefix='{outfile_prefix}': there are results already, such as "
                    f"'{there[0]}'. Give another prefix, or delete them."
                )
        self.eval_mode, self.classwise = eval_mode, classwise
        self.format_only, self.outfile_prefix = format_only, outfile_prefix

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep the detections and objects of a batch of images, on the CPU."""
        for sample in data_samples:
            found = sample["pred_instances"]
            image = ImageBoxes(
                str(sample["img_id"]),
                _array(found["bboxes"]).astype(np.float64).reshape(-1, 4),
                _array(found["scores"]).astype(np.float64),
                _array(found["labels"]),
            )
            if not self.format_only:
                self._add_objects(image, sample)
            self.results.append(image)

    def _add_objects(self, image: ImageBoxes, sample: dict[str, Any]) -> None:
        if "gt_instances" not in sample or "bboxes" not in sample["gt_instances"]:
            raise UserError(
                f"{type(self).__name__} needs the objects of an image: the test pipeline lacks "
                "dict(type='LoadAnnotations', with_bbox=True) after Resize. To write result files "
                "alone, set format_only=True."
            )
        parts = [sample["gt_instances"], sample.get("ignored_instances", {})]
        parts = [part for part in parts if "bboxes" in part]
        boxes = [_array(part["bboxes"]).astype(np.float64).reshape(-1, 4) for part in parts]
        image.objects = np.concatenate(boxes)
        image.object_labels = np.concatenate([_array(part["labels"]) for part in parts])
        image.difficult = np.repeat(np.arange(len(parts)) > 0, [len(one) for one in boxes])

    def compute_metrics(self, results: list[ImageBoxes]) -> dict[str, float]:
        """Return the metrics of all images by name: ``mAP``, and ``{class}_AP`` by request."""
        classes = list(self.dataset_meta["classes"])
        if self.outfile_prefix is not None:
            for path in self._write(results, classes):
                print_log(f"Results: '{path}'.", logger="current")
        if self.format_only:
            return {}
        rows = dict(zip(classes, self._evaluate(results, len(classes)), strict=True))
        known = [row.ap for row in rows.values() if not math.isnan(row.ap)]
        mean = float(np.mean(known)) if known else math.nan
        print_log(_table(rows, mean, self.eval_mode), logger="current")
        each = {f"{name}_AP": row.ap for name, row in rows.items()} if self.classwise else {}
        return {"mAP": mean, **each}

    def _evaluate(self, images: list[ImageBoxes], classes: int) -> Iterator[ClassResult]:
        positives = np.zeros(classes, np.int64)
        labels, scores, outcomes = [np.empty(0, int)], [np.empty(0)], [np.empty(0, int)]
        for image in images:
            order = np.argsort(-image.scores, kind="stable")
            labels.append(image.labels[order])
            scores.append(image.scores[order])
            outcomes.append(self._match_image(image, order, positives))
        label, score, outcome = (np.concatenate(one) for one in (labels, scores, outcomes))
        for number, objects in enumerate(positives.tolist()):
            of_class = label == number
            yield self._summarize(outcome[of_class], score[of_class], objects)

    def _match_image(
        self, image: ImageBoxes, order: np.ndarray, positives: np.ndarray
    ) -> np.ndarray:
        """Return what each detection of an image is, in this order; count its objects by class."""
        assert image.objects is not None and image.object_labels is not None
        labels, left_out = image.labels[order], self._left_out(image)
        ious = overlaps(image.boxes[order], image.objects)
        outcomes = np.full(len(order), FALSE_POSITIVE)
        outcomes[np.isin(labels, left_out)] = IGNORED
        for label in np.setdiff1d(image.object_labels, left_out).astype(int).tolist():
            here, of_class = labels == label, image.object_labels == label
            outcomes[here], number = self._match(image, ious[here][:, of_class], of_class)
            positives[label] += number
        return outcomes

    def _left_out(self, image: ImageBoxes) -> list[int]:
        """Return the labels that are not evaluated in an image."""
        return []

    def _match(
        self, image: ImageBoxes, ious: np.ndarray, of_class: np.ndarray
    ) -> tuple[np.ndarray, int]:
        """Match the detections of a class in an image with its objects.

        Args:
            ious: (detections, objects), of which the first are sorted by descending score.
            of_class: Which of the image's objects those are, a mask.

        Returns:
            What each detection is, and the number of objects that have to be found.
        """
        raise NotImplementedError

    def _summarize(self, outcomes: np.ndarray, scores: np.ndarray, positives: int) -> ClassResult:
        if not positives:
            return ClassResult(0, len(scores), math.nan, math.nan)
        found, precision, recall = precision_recall(outcomes, scores, positives)
        ap = average_precision(found, precision, positives, self.eval_mode)
        return ClassResult(positives, len(scores), float(recall[-1]) if len(recall) else 0.0, ap)

    def _write(self, images: list[ImageBoxes], classes: list[str]) -> Iterator[str]:
        """Write the result files of the development kit, and yield their paths."""
        raise NotImplementedError


def write_lines(path: str, lines: Iterable[str]) -> None:
    """Write a result file."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.writelines(f"{line}\n" for line in lines)


def _array(values: Any) -> np.ndarray:
    """Return an array on the CPU; NumPy has no bfloat16."""
    values = getattr(values, "tensor", values)  # of mmdet's boxes
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        return np.asarray((values.float() if values.is_floating_point() else values).numpy())
    return np.asarray(values)


def _table(rows: dict[str, ClassResult], mean: float, mode: str) -> str:
    def shown(value: float) -> str:
        return "-" if math.isnan(value) else f"{value:.3f}"

    lines = [["class", "objects", "detections", "recall", "AP"]]
    for name, row in rows.items():
        lines.append(
            [name, str(row.objects), str(row.detections), shown(row.recall), shown(row.ap)]
        )
    sums = [
        str(sum(getattr(row, key) for row in rows.values())) for key in ("objects", "detections")
    ]
    table = AsciiTable([*lines, ["mean", *sums, "", shown(mean)]])
    table.justify_columns = dict.fromkeys(range(1, 5), "right")
    table.inner_footing_row_border = True
    return f"average precision ({mode}):\n{table.table}"
