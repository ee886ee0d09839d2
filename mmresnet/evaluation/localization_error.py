"""The errors of ILSVRC's localization task, as its development kit defines them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import and_
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torchvision.ops import box_iou

from mmresnet.atomic import atomic_write
from mmresnet.errors import UserError, UserFileNotFoundError, UserValueError
from mmresnet.evaluation.submission import numbers_of, read_devkit_labels
from mmresnet.registry import METRICS

MIN_IOU = 0.5
MOST_PREDICTIONS = 5


@METRICS.register_module()
class LocalizationError(BaseMetric):
    """Shares of images with a wrong class or box, in percent.

    ===================  ========================================================================
    ``error_gt_class``   the box found for the image's own class is wrong
    ``error_top5``       none of the first five predictions has the image's class and a right box
    ``error_top1``       the first prediction has another class or a wrong box
    ``cls_error_top5``   none of the first five predictions has the image's class
    ``cls_error_top1``   the first prediction has another class
    ===================  ========================================================================

    A box is right if its IoU with any box of the image's class is at least 0.5. So it is in the
    development kit's ``eval_clsloc.m``, which counts an overlap below 0.50 as wrong. There, the
    last column and row belong to a box; the samples' boxes end after these, so that overlaps agree.
    Without predicted classes there is ``error_gt_class`` alone.

    Args:
        topk: The numbers of predictions, from 1 to 5.
        outfile: Write the predictions to this text file, as ILSVRC takes them: a line for each
            image, in the order of their names, with label, xmin, ymin, xmax and ymax of each.
        devkit_labels: The development kit's ``map_clsloc.txt``, with the numbers of the classes
            in ``outfile``; see :func:`mmresnet.evaluation.submission.read_devkit_labels`.
        blacklist: The development kit's ``…_clsloc_validation_blacklist.txt``: numbers of images,
            from 1 on in the order of their names, that do not count in the errors with boxes.
        kwargs: mmengine's.

    Raises:
        ValueError: ``topk`` is out of range, or only one of ``outfile`` and ``devkit_labels`` is
            given.
        UserError: ``devkit_labels`` or ``blacklist`` is missing, or not such a file.
    """

    default_prefix = "loc"

    def __init__(
        self,
        topk: Sequence[int] = (1, 5),
        outfile: str | None = None,
        devkit_labels: str | None = None,
        blacklist: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not topk or not all(1 <= k <= MOST_PREDICTIONS for k in topk):
            raise UserValueError(f"LocalizationError: topk={topk} must be numbers from 1 to 5.")
        if (outfile is None) != (devkit_labels is None):
            raise UserValueError(
                "LocalizationError: give outfile and devkit_labels, the development kit's "
                "map_clsloc.txt, or none of them: ILSVRC's numbers are not those of sorted synsets."
            )
        self.topk, self.outfile = tuple(topk), outfile
        self._numbers = None if devkit_labels is None else read_devkit_labels(devkit_labels)
        self._blacklist = None if blacklist is None else _read_numbers(blacklist)

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep what is right in each image, and the predictions if they are to be written."""
        for sample in data_samples:
            truth = torch.as_tensor(sample["gt_bboxes"]).cpu()
            label = int(sample["gt_label"])
            labels = sample["pred_labels"].tolist()[:MOST_PREDICTIONS]
            boxes = sample["pred_bboxes"].cpu()[:MOST_PREDICTIONS]
            result = {
                "image": Path(sample["img_path"]).stem,
                "gt_class": is_right(sample["gt_class_bbox"].cpu()[None], truth)[0],
                "class": [one == label for one in labels],
                "box": is_right(boxes, truth),
            }
            if self.outfile is not None:
                result["lines"] = [labels, boxes.tolist()]
            self.results.append(result)

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Return the errors by name, and write the predictions.

        Raises:
            UserError: There are fewer predictions than a k of ``topk``, no number for a class, or
                not so many images as ``blacklist`` is for.
        """
        results = sorted(results, key=lambda one: one["image"])
        counted = self._without_blacklist(results)
        errors = {"error_gt_class": _percent(not one["gt_class"] for one in counted)}
        predictions = min(len(one["class"]) for one in results)
        if predictions:
            for k in sorted(self.topk, reverse=True):
                if k > predictions:
                    raise UserError(
                        f"LocalizationError: topk={k} needs {k} predicted classes for each image, "
                        f"and there are {predictions}: set the data set's topk, or this one's."
                    )
                errors[f"error_top{k}"] = _percent(
                    not any(map(and_, one["class"][:k], one["box"][:k])) for one in counted
                )
                errors[f"cls_error_top{k}"] = _percent(not any(one["class"][:k]) for one in results)
        if self.outfile is not None:
            self._write(self.outfile, results)
        return errors

    def _without_blacklist(self, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if self._blacklist is None:
            return results
        beyond = [number for number in self._blacklist if not 1 <= number <= len(results)]
        if beyond:
            raise UserError(
                f"LocalizationError: blacklist has the number {beyond[0]}, and there are "
                f"{len(results):,} images: it is for the whole validation set."
            )
        return [one for i, one in enumerate(results, start=1) if i not in self._blacklist]

    def _write(self, path: str, results: list[dict[str, Any]]) -> None:
        numbers = numbers_of(self.dataset_meta["classes"], self._numbers or {})
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            for one in results:
                labels, boxes = one["lines"]
                parts = [
                    f"{numbers[label]} {_inclusive(box)}"
                    for label, box in zip(labels, boxes, strict=True)
                ]
                file.write(" ".join(parts) + "\n")
        print_log(f"'{path}': the predictions for {len(results):,} images.", logger="current")


def is_right(boxes: torch.Tensor, truth: torch.Tensor) -> list[bool]:
    """Return whether each box has an IoU of at least 0.5 with any of ``truth``.

    Args:
        boxes: (N, 4), x1 y1 x2 y2, of which the last two are exclusive.
        truth: (M, 4), M at least 1.
    """
    overlaps = box_iou(boxes.double(), truth.double())
    return (overlaps >= MIN_IOU).any(dim=1).tolist()


def _percent(wrong: Iterable[bool]) -> float:
    return float(100 * np.mean(list(wrong)))


def _inclusive(box: Sequence[float]) -> str:
    """Return a box as ILSVRC writes it, whose last column and row belong to it."""
    x1, y1, x2, y2 = box
    return f"{x1:.2f} {y1:.2f} {x2 - 1:.2f} {y2 - 1:.2f}"


def _read_numbers(path: str) -> set[int]:
    try:
        return {int(word) for word in Path(path).read_text(encoding="utf-8").split()}
    except FileNotFoundError as error:
        raise UserFileNotFoundError(f"LocalizationError: there is no file '{path}'.") from error
    except ValueError as error:
        raise UserError(
            f"LocalizationError: '{path}' has a line that is no number; blacklist is the "
            "development kit's list of images."
        ) from error
