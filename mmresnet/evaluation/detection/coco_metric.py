"""COCO's average precision, computed by faster-coco-eval."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.fileio import get_local_path
from mmengine.logging import print_log

from mmresnet import ops
from mmresnet.datasets.coco import checks as coco_checks
from mmresnet.datasets.coco import file as coco_file
from mmresnet.errors import UserError, require
from mmresnet.evaluation.detection.class_table import SUMMARY, class_table
from mmresnet.evaluation.detection.proposal_recall import average_recalls
from mmresnet.registry import METRICS

require("mmdet", "mmresnet.CocoMetric")
require("faster_coco_eval", "mmresnet.CocoMetric")
ops.install()  # mmdet imports mmcv's operators together with its metrics

from faster_coco_eval import COCO, COCOeval_faster  # noqa: E402
from mmdet.evaluation import CocoMetric as DetCocoMetric  # noqa: E402  after the operators
from mmdet.structures.mask import encode_mask_results  # noqa: E402


@METRICS.register_module()
class CocoMetric(DetCocoMetric):
    """Average precision and recall of boxes, masks or proposals, as COCO defines them.

    Keywords and the names of the results are those of mmdet's class of this name, from which it
    differs as follows:

    * faster-coco-eval computes what pycocotools does, in less time; results are not rounded.
    * A table of the classes is logged. ``classwise=True`` adds its precisions to the results.
    * Label i of a prediction is the i-th of the data set's classes, whatever the file's order.
    * Predictions may have 16 bits, as from a model under autocast.
    * The annotation file is read when it is first needed, and by the main process only.
    * Images without predictions, as with ``indices`` of a data set, are not evaluated.
    * Without any detection the precision is zero, rather than missing.

    Raises:
        UserError: the annotation file is missing, not a COCO file, or that of another data set.
    """

    # attributes of mmdet's, which has no type hints
    iou_thrs: np.ndarray
    _coco_api: Any

    def __init__(self, ann_file: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ann_file = ann_file
        if ann_file and not self.backend_args and not os.path.isfile(ann_file):
            raise UserError(f"There is no annotation file '{ann_file}' to evaluate with.")
        self.iou_thrs = np.atleast_1d(np.asarray(self.iou_thrs, dtype=float))
        self._sort_categories = kwargs.get("sort_categories", False)

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep the predictions and sizes of a batch of images, on the CPU."""
        for sample in data_samples:
            predicted = sample["pred_instances"]
            result = {"img_id": sample["img_id"]}
            for key in ("bboxes", "scores", "labels", "mask_scores"):
                if key in predicted:
                    result[key] = _to_numpy(predicted[key])
            if "masks" in predicted:
                masks = predicted["masks"]
                if isinstance(masks, torch.Tensor):
                    masks = encode_mask_results(masks.detach().cpu().numpy())
                result["masks"] = masks
            truth = {
                "img_id": sample["img_id"],
                "width": sample["ori_shape"][1],
                "height": sample["ori_shape"][0],
            }
            if not self.ann_file:
                truth["anns"] = sample["instances"]
            self.results.append((truth, result))

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Return the metrics of all images by name, without the prefix ``coco/``."""
        truths, predictions = zip(*results, strict=True)
        if self._coco_api is None:
            self._coco_api = self._read_truth(truths)
        self.cat_ids = self._categories_of_classes()
        self.img_ids = [p["img_id"] for p in predictions]
        listed = self._coco_api.imgs
        unlisted = [number for number in self.img_ids if number not in listed]
        if unlisted:
            raise UserError(
                f"{len(unlisted)} of {len(predictions)} predicted images are not in "
                f"'{self.ann_file}' (the first has the id {unlisted[0]}): the evaluator's "
                "ann_file must be that of the data set."
            )
        if len(self.img_ids) < len(listed):
            print_log(f"{len(self.img_ids)} of {len(listed)} images evaluated.", logger="current")
        if self.outfile_prefix is not None:
            self.results2json(predictions, self.outfile_prefix)
        if self.format_only:
            print_log(f"The results are in '{self.outfile_prefix}.*.json'.", logger="current")
            return {}
        found: dict[str, float] = {}
        for metric in self.metrics:
            if metric == "proposal_fast":
                found.update(self._proposal_recalls(predictions))
            else:
                found.update(self._evaluate(metric, predictions))
        return found

    def _proposal_recalls(self, predictions: Sequence[dict[str, Any]]) -> dict[str, float]:
        truths = []
        for result in predictions:
            annotations = self._coco_api.imgToAnns[result["img_id"]]
            listed = [a["bbox"] for a in annotations if not (a["iscrowd"] or a.get("ignore"))]
            boxes = np.array(listed, dtype=float).reshape(-1, 4)
            boxes[:, 2:] += boxes[:, :2]
            truths.append(boxes)
        proposals = [result["bboxes"].astype(float) for result in predictions]
        recalls = average_recalls(truths, proposals, self.proposal_nums, self.iou_thrs)
        return {f"AR@{n}": recall for n, recall in zip(self.proposal_nums, recalls, strict=True)}

    def _evaluate(self, metric: str, predictions: Sequence[dict[str, Any]]) -> dict[str, float]:
        kind = "bbox" if metric == "proposal" else metric
        detections = self._coco_api.loadRes(self._detections(kind, predictions))
        evaluation = COCOeval_faster(
            self._coco_api, detections, kind, print_function=lambda *_: None
        )
        evaluation.params.catIds = list(self.cat_ids)
        evaluation.params.imgIds = list(self.img_ids)
        evaluation.params.maxDets = list(self.proposal_nums)
        evaluation.params.iouThrs = self.iou_thrs
        evaluation.params.useCats = int(metric != "proposal")
        evaluation.run()
        recalls = [f"AR@{number}" for number in sorted(self.proposal_nums)]
        most = max(self.proposal_nums)
        recalls += [f"AR_{size}@{most}" for size in "sml"]
        stats = dict(zip((*SUMMARY, *recalls), map(float, evaluation.stats), strict=True))
        precision = evaluation.eval["precision"][..., 0, self._at_100()]
        stats["mAP"] = _mean(precision) if (precision > -1).any() else -1.0
        for item in self.metric_items or ():
            if item not in stats:
                raise UserError(
                    f"metric_items: there is no '{item}'; there are {', '.join(stats)}."
                )
        if metric == "proposal":
            return {item: stats[item] for item in self.metric_items or recalls}
        found = {f"{metric}_{item}": stats[item] for item in self.metric_items or SUMMARY}
        rows = self._rows(evaluation)
        print_log(class_table(metric, rows, stats), logger="current")
        if self.classwise:
            found |= {f"{metric}_{name}_precision": row["mAP"] for name, row in rows.items()}
        return found

    def _rows(self, evaluation: COCOeval_faster) -> dict[str, dict[str, float]]:
        """Return each class's number of boxes and its precisions, NaN where it has no boxes."""
        # precision: (IoU thresholds, recalls, categories, areas, maxDets); -1 where undefined
        precision = evaluation.eval["precision"]
        sorted_ids = list(evaluation.params.catIds)
        at = {f"mAP_{int(t * 100)}": np.isclose(self.iou_thrs, t) for t in (0.5, 0.75)}
        boxes = Counter(
            a["category_id"]
            for number in self.img_ids
            for a in self._coco_api.imgToAnns[number]
            if not a["iscrowd"]
        )
        rows = {}
        for name, category in zip(self.dataset_meta["classes"], self.cat_ids, strict=True):
            own = precision[:, :, sorted_ids.index(category)]
            row = {"boxes": boxes[category], "mAP": _mean(own[..., 0, self._at_100()])}
            row |= {item: _mean(own[where][..., 0, -1]) for item, where in at.items()}
            row |= {f"mAP_{size}": _mean(own[..., i, -1]) for i, size in enumerate("sml", start=1)}
            rows[name] = row
        return rows

    def _at_100(self) -> int:
        """Return the index of 100 detections per image, for which COCO defines the mAP."""
        numbers = sorted(self.proposal_nums)
        return numbers.index(100) if 100 in numbers else -1

    def _detections(self, kind: str, predictions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        detections = []
        for result in predictions:
            if kind == "segm" and "masks" not in result:
                raise UserError("metric='segm' needs masks, which the model does not predict.")
            scores = result["scores"]
            if kind == "segm":
                scores = result.get("mask_scores", scores)
                shapes = [_text_counts(mask) for mask in result["masks"]]
            else:
                shapes = result["bboxes"].astype(float)
                shapes[:, 2:] -= shapes[:, :2]
                shapes = shapes.tolist()
            key = "segmentation" if kind == "segm" else "bbox"
            for label, score, shape in zip(
                result["labels"].tolist(), scores.tolist(), shapes, strict=True
            ):
                detections.append(
                    {
                        "image_id": result["img_id"],
                        "category_id": self.cat_ids[label],
                        "score": score,
                        key: shape,
                    }
                )
        return detections

    def _read_truth(self, truths: Sequence[dict[str, Any]]) -> COCO:
        if self.ann_file:
            with get_local_path(self.ann_file, backend_args=self.backend_args) as path:
                content = coco_file.read_coco(path, annotated=not self.format_only)
        else:
            with tempfile.TemporaryDirectory() as folder:
                path = self.gt_to_coco_json(truths, os.path.join(folder, "truth"))
                with open(path, encoding="utf-8") as file:
                    content = {"annotations": [], **json.load(file)}
        if self._sort_categories:
            content["categories"].sort(key=lambda category: category["id"])
        if any(annotation["id"] == 0 for annotation in content["annotations"]):
            for number, annotation in enumerate(content["annotations"], start=1):
                annotation["id"] = number  # COCO's evaluation treats a match with 0 as none
        return COCO(content)

    def _categories_of_classes(self) -> list[int]:
        ids = {c["name"]: c["id"] for c in self._coco_api.dataset["categories"]}
        classes = self.dataset_meta["classes"]
        coco_checks.check_classes(classes, "The data set", ids, self.ann_file or "the data set")
        return [ids[name] for name in classes]


def _to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """Return an array on the CPU: NumPy has no bfloat16, and float16 is too coarse for pixels."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _mean(precision: np.ndarray) -> float:
    known = precision[precision > -1]
    return float(known.mean()) if known.size else float("nan")


def _text_counts(mask: dict[str, Any]) -> dict[str, Any]:
    counts = mask["counts"]
    return {**mask, "counts": counts.decode() if isinstance(counts, bytes) else counts}
