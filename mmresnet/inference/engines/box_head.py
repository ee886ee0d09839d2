"""mmdet's box head without the decoding of boxes that no threshold lets pass."""

from __future__ import annotations

from typing import Any

from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmengine.structures import InstanceData
from torch import Tensor, nn


def decode_likely_boxes(head: nn.Module) -> None:
    """Let a head of R-CNN decode only the proposals that may be detections, in place.

    mmdet decodes a box of each proposal for each class, of COCO 80,000 in an image, and then drops
    those whose score is not above ``score_thr``. A proposal none of whose scores is above it is
    left out before that: the detections are the same. Heads that score in other ways than by a
    softmax over the classes and the background are left as they are.
    """
    ways = ("_predict_by_feat_single", "predict_by_feat")
    if not isinstance(head, BBoxHead) or any(
        getattr(type(head), name) is not getattr(BBoxHead, name) for name in ways
    ):
        return
    if head.custom_cls_channels or not (head.with_cls and head.with_reg):
        return
    predict = head._predict_by_feat_single

    def predict_likely(
        roi: Tensor,
        cls_score: Tensor,
        bbox_pred: Tensor,
        img_meta: dict[str, Any],
        rescale: bool = False,
        rcnn_test_cfg: Any = None,
    ) -> InstanceData:
        if rcnn_test_cfg is not None and len(roi):  # without it, all boxes are asked for
            best = cls_score.softmax(-1)[:, :-1].amax(1)
            likely = (best > rcnn_test_cfg.score_thr).nonzero().squeeze(1)
            roi, cls_score, bbox_pred = roi[likely], cls_score[likely], bbox_pred[likely]
        return predict(roi, cls_score, bbox_pred, img_meta, rescale, rcnn_test_cfg)

    head._predict_by_feat_single = predict_likely
