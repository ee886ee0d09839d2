"""What the comparison of a written detector with its model has found, over all images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmresnet.evaluation.comparison.resampled_ap import average_precisions, match_classes
from mmresnet.export.detectors.matching import Found, match
from mmresnet.export.parity import Parity, Tolerance

_LEAST_IOU = 0.99
_UNMATCHED = 1e-3  # of all boxes: whether one suppresses another can hang on the last bit
_MASK_DIFFERENCE = 0.01
_LOOSE_IOU, _LOOSE_SCORE = 0.5, 0.4  # of a model with 8 bits: which boxes need a counterpart


class Comparison:
    """Counts and largest differences.

    Args:
        tolerance: With ``difference=None``, as of a model with 8 bits, boxes match from an IoU of
            0.5 on, those with a score above 0.4 have to, and ``agreement`` says how many.
        settings: ``score_thr`` and ``max_per_img`` of the detector.
    """

    def __init__(self, tolerance: Tolerance, settings: Any) -> None:
        self.tolerance, self.settings = tolerance, settings
        self.exact = tolerance.difference is not None
        self.least_iou = _LEAST_IOU if self.exact else _LOOSE_IOU
        self.boxes = self.unmatched = 0
        self.iou, self.score, self.mask = 1.0, 0.0, 0.0
        self._worst: tuple[tuple[int, float], np.ndarray] | None = None

    def add(self, image: np.ndarray, ours: Found, theirs: Found) -> dict[str, Any]:
        """Compare the detections in an image, and return what was found."""
        limit = float(self.settings.get("score_thr", 0))
        if len(ours.scores) >= self.settings["max_per_img"]:
            limit = max(limit, float(ours.scores.min()))
        if not self.exact:
            limit = max(limit, _LOOSE_SCORE)
        matches = match(ours, theirs, self.least_iou, self.tolerance.difference or 0, limit)
        self.boxes += len(ours.scores)
        self.unmatched += matches.unmatched
        self.iou = float(np.min([self.iou, *matches.ious]))
        self.score = float(np.max([self.score, *matches.differences]))  # not a number stays one
        if ours.masks is not None and theirs.masks is not None:
            pairs = [(ours.masks[i], theirs.masks[j]) for i, j in matches.pairs]
            self.mask = max([self.mask, *(_mask_difference(*pair) for pair in pairs)])
        difference = float(np.max([0, *matches.differences]))
        badness = (matches.unmatched, float(np.nan_to_num(difference, nan=np.inf)))
        if self._worst is None or badness > self._worst[0]:
            self._worst = badness, image
        return {
            "boxes": len(ours.scores),
            "unmatched": matches.unmatched,
            "score_difference": difference,
        }

    def conclude(self, parity: Parity) -> None:
        """Note the figures, and what is out of the tolerance."""
        matched = self.boxes - self.unmatched
        if self._worst is not None:
            parity.images = self._worst[1][None]
        parity.figures.update(boxes=self.boxes, smallest_iou=self.iou)
        parity.check(
            "unmatched_share",
            self.unmatched / max(self.boxes, 1),
            _UNMATCHED if self.exact else 1 - self.tolerance.agreement,
            f"{self.unmatched} of {self.boxes} boxes have no counterpart with an IoU of "
            f"{self.least_iou}",
        )
        parity.check(
            "largest_difference",
            self.score,
            self.tolerance.difference,
            f"scores differ by up to {self.score:.2g} ({self.tolerance.difference} is allowed)",
        )
        if self.mask:
            parity.check(
                "largest_mask_difference",
                self.mask,
                _MASK_DIFFERENCE if self.exact else None,
                f"a mask differs in {100 * self.mask:.1f} % of its pixels",
            )
        parity.summary = f"{matched} of {self.boxes} boxes are the same (IoU at least "
        parity.summary += f"{self.iou:.4f}), scores differ by at most {self.score:.1g}"


def _mask_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the share of pixels that differ; two of them may be rounded in another way."""
    different = np.count_nonzero(ours != theirs)
    return max(0, different - 2) / max(1, np.count_nonzero(ours | theirs))


class Truth:
    """The true boxes in images, and the AP of detections of them."""

    def __init__(self, classes: int) -> None:
        self.categories = [{"id": label + 1, "name": str(label)} for label in range(classes)]
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []

    def add(self, sample: Any) -> bool:
        """Note the objects of a sample of mmdet's; return whether it knows them."""
        if sample is None or "bboxes" not in sample.get("gt_instances", {}):
            return False
        self.images.append({"id": len(self.images)})
        for name, crowd in (("gt_instances", 0), ("ignored_instances", 1)):
            objects = sample.get(name, {})
            if "bboxes" in objects:
                boxes = getattr(objects.bboxes, "tensor", objects.bboxes).numpy()
                self.annotations += self._listed(boxes, objects.labels.numpy(), iscrowd=crowd)
        return True

    def average_precision(self, found: Sequence[Found], factors: Sequence[np.ndarray]) -> float:
        """Return COCO's AP in percent.

        Args:
            found: Of each image that was added.
            factors: (4,): pixels of the detector's input per pixel of the annotations.
        """
        detections = []
        for number, (one, factor) in enumerate(zip(found, factors, strict=True)):
            listed = self._listed(one.boxes / factor, one.labels, number)
            for box, score in zip(listed, one.scores.tolist(), strict=True):
                detections.append({**box, "score": score})
        matches = match_classes(self.images, self.categories, self.annotations, detections)
        precisions = average_precisions(matches, np.ones((1, len(self.images)), np.int64))
        return 100 * float(np.nanmean(precisions))

    def _listed(
        self, boxes: np.ndarray, labels: np.ndarray, image: int | None = None, **entries: Any
    ) -> list[dict[str, Any]]:
        image = len(self.images) - 1 if image is None else image
        corners = np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), 1).tolist()
        return [
            {"image_id": image, "category_id": int(label) + 1, "bbox": box, **entries}
            for box, label in zip(corners, labels, strict=True)
        ]
