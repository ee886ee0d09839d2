"""PASCAL VOC's mean average precision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mmresnet.errors import UserValueError
from mmresnet.evaluation.detection.average_precision import match_voc
from mmresnet.evaluation.detection.devkit_metric import DevkitMetric, ImageBoxes, write_lines
from mmresnet.registry import METRICS


@METRICS.register_module()
class VOCMetric(DevkitMetric):
    """Mean average precision as VOC's development kit defines it (``VOCevaldet.m``).

    It agrees with mmdet's ``VOCMetric`` on the same pixels up to rounding, but that detections of
    equal scores keep their order, and that a recall of 0.3 counts as 0.3. Objects that are
    difficult (``ignored_instances``) count neither way. Result files are those of the server:
    ``{outfile_prefix}_{class}.txt``, with ``image score x1 y1 x2 y2`` in each line, as for
    ``results/VOC2012/Main/comp4_det_test``.

    Args:
        eval_mode: "11points" for VOC 2007, "area" for the later ones.
        iou_thr: The least overlap of a detection with an object.
        kwargs: Those of :class:`mmresnet.evaluation.detection.devkit_metric.DevkitMetric`.

    Raises:
        UserError: As ``DevkitMetric``, or a threshold is out of range.
    """

    default_prefix = "pascal_voc"
    RESULT_FILES = "_*.txt"

    def __init__(self, eval_mode: str = "11points", iou_thr: float = 0.5, **kwargs: Any) -> None:
        if not 0 < iou_thr <= 1:
            raise UserValueError(f"iou_thr is above 0 and at most 1, not {iou_thr!r}.")
        self.iou_thr = iou_thr
        super().__init__(eval_mode, **kwargs)

    def _match(
        self, image: ImageBoxes, ious: np.ndarray, of_class: np.ndarray
    ) -> tuple[np.ndarray, int]:
        assert image.difficult is not None
        difficult = image.difficult[of_class]
        return match_voc(ious, difficult, self.iou_thr), int((~difficult).sum())

    def _write(self, images: list[ImageBoxes], classes: list[str]) -> Iterator[str]:
        for label, name in enumerate(classes):
            path = f"{self.outfile_prefix}_{name}.txt"
            write_lines(path, _lines(images, label))
            yield path


def _lines(images: list[ImageBoxes], label: int) -> Iterator[str]:
    """Yield a line for each detection of a class; pixels are counted from 1, the last included."""
    for image in images:
        here = image.labels == label
        for score, box in zip(image.scores[here], image.boxes[here].tolist(), strict=True):
            x1, y1, x2, y2 = box
            yield f"{image.name} {score:.6f} {x1 + 1:.6f} {y1 + 1:.6f} {x2:.6f} {y2:.6f}"
