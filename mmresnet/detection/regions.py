"""From proposals to detections: scoring, box refinement, suppression and box voting.

He et al. 2015, Appendix B, "Box refinement", which follows Gidaris and Komodakis 2015 ("Object
detection via a multi-region & semantic segmentation-aware CNN model", Sec. 5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from mmdet.models.layers import multiclass_nms
from mmdet.models.utils import empty_instances
from mmdet.structures.bbox import bbox2roi, scale_boxes
from mmengine.structures import InstanceData
from torch import Tensor
from torchvision.ops import box_iou


class Regions(NamedTuple):
    """What a box head says of R proposals of an image.

    Attributes:
        boxes: Regressed boxes (x1, y1, x2, y2) in pixels of the input, clipped to the image: (R,
            4 C), or (R, 4) if they do not depend on the class.
        scores: Probabilities of the C classes and, in the last column, of the background, (R, C +
            1).
    """

    boxes: Tensor
    scores: Tensor


Scorer = Callable[[list[Tensor]], list[Regions]]


def score_regions(
    roi_head: Any, maps: Any, boxes: Sequence[Tensor], metas: list[dict[str, Any]]
) -> list[Regions]:
    """Run the box head of mmdet's ``StandardRoIHead`` on boxes of a batch of images.

    Args:
        roi_head: The head.
        maps: What it takes as features.
        boxes: For each image (R, 4), in pixels of the input; at least one in the batch.
        metas: The meta information of each image.
    """
    rois, counts = bbox2roi(boxes), [len(one) for one in boxes]
    outputs = roi_head._bbox_forward(maps, rois)
    found = roi_head.bbox_head.predict_by_feat(
        rois=rois.split(counts),
        cls_scores=outputs["cls_score"].split(counts),
        bbox_preds=outputs["bbox_pred"].split(counts),
        batch_img_metas=metas,
        rcnn_test_cfg=None,  # all boxes and scores, neither thresholded nor suppressed
    )
    return [Regions(one.bboxes, one.scores) for one in found]


def detect(
    score: Scorer,
    proposals: list[Tensor],
    metas: list[dict[str, Any]],
    cfg: Mapping[str, Any],
    rescale: bool,
) -> list[InstanceData]:
    """Return the detections of a batch of images.

    Args:
        score: The box head, of boxes (R, 4) of each image.
        proposals: For each image (R, 4), in pixels of the input.
        metas: The meta information of each image.
        cfg: ``test_cfg.rcnn``: mmdet's ``score_thr``, ``nms`` and ``max_per_img``. With
            ``box_refinement`` the boxes found are proposals of a second pass, and the predictions
            of both are suppressed together. ``box_voting.iou_threshold`` turns box voting on.
        rescale: Return boxes in pixels of the original images.
    """
    if not any(map(len, proposals)):
        empty: list[InstanceData] = empty_instances(metas, proposals[0].device, task_type="bbox")
        return empty
    regions = score(proposals)
    if cfg.get("box_refinement"):
        second = score([best_boxes(one) for one in regions])
        regions = [
            Regions(torch.cat((one.boxes, other.boxes)), torch.cat((one.scores, other.scores)))
            for one, other in zip(regions, second, strict=True)
        ]
    return [_suppressed(one, meta, cfg, rescale) for one, meta in zip(regions, metas, strict=True)]


def best_boxes(regions: Regions) -> Tensor:
    """Return the box of each proposal, (R, 4), regressed for its most probable class.

    The background is not a class here. With one box for each proposal there are as many new
    predictions as there were proposals: 300 in the paper. Gidaris and Komodakis refine the boxes
    of every class, which with 80 classes takes 80 times as many.
    """
    by_class = regions.boxes.unflatten(1, (-1, 4))
    if by_class.shape[1] == 1:
        return by_class[:, 0]
    best = regions.scores[:, :-1].argmax(1)
    return by_class[torch.arange(len(best), device=best.device), best]


def _suppressed(
    regions: Regions, meta: Mapping[str, Any], cfg: Mapping[str, Any], rescale: bool
) -> InstanceData:
    boxes, scores = regions
    if rescale and len(boxes):
        inverse = [1 / factor for factor in meta["scale_factor"]]
        boxes = scale_boxes(boxes.reshape(-1, 4), inverse).view_as(boxes)
    found, labels = multiclass_nms(boxes, scores, cfg["score_thr"], cfg["nms"], cfg["max_per_img"])
    kept = found[:, :4]
    if voting := cfg.get("box_voting"):
        kept = vote(kept, labels, Regions(boxes, scores), cfg["score_thr"], voting["iou_threshold"])
    return InstanceData(bboxes=kept, scores=found[:, 4], labels=labels)


def vote(
    kept: Tensor, labels: Tensor, regions: Regions, score_thr: float, iou_threshold: float
) -> Tensor:
    """Return kept boxes moved to where the boxes around them are.

    Each becomes the mean of the boxes of its class whose IoU with it is at least the threshold,
    weighted by their scores for this class; it is one of them (Gidaris and Komodakis 2015, Sec. 5).

    Args:
        kept: What suppression has left, (K, 4).
        labels: Their classes, (K,).
        regions: All boxes before suppression.
        score_thr: Boxes vote whose score is above this, which are those that were suppressed.
        iou_threshold: 0.5 in the source.
    """
    by_class = regions.boxes.unflatten(1, (-1, 4))
    voted = kept.clone()
    for label in labels.unique().tolist():
        scores = regions.scores[:, label]
        voting = scores > score_thr
        boxes = by_class[voting, min(label, by_class.shape[1] - 1)]
        chosen = labels == label
        near = box_iou(kept[chosen], boxes) >= iou_threshold
        weights = near * scores[voting]
        total = weights.sum(1, keepdim=True)
        # a box without an area has no IoU with itself
        voted[chosen] = torch.where(total > 0, weights @ boxes / total, kept[chosen])
    return voted
