"""A RoI head with box refinement, box voting, global context and multi-scale testing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.structures.bbox import bbox2roi
from mmengine.structures import InstanceData
from torch import Tensor

from mmresnet.detection.pyramid import FeatureMaps, adjacent_scales
from mmresnet.detection.regions import detect, score_regions
from mmresnet.detection.settings import ROI_SIZE, check_test_settings
from mmresnet.detection.sibling_layers import check_head, double_inputs, region_features
from mmresnet.engine.float32_boxes import widened
from mmresnet.errors import UserValueError
from mmresnet.registry import MODELS


@MODELS.register_module()
class RoIHead(StandardRoIHead):
    """mmdet's ``StandardRoIHead`` with the improvements of He et al. 2015, Appendix B.

    Without any of them it computes what mmdet's does. Those of testing are settings of
    ``model.test_cfg.rcnn``:

    * ``box_refinement=True``: a second pass on the boxes of the first
      (:func:`mmresnet.detection.regions.detect`).
    * ``box_voting=dict(iou_threshold=0.5)``: :func:`mmresnet.detection.regions.vote`.
    * ``multi_scale=dict(short_sides=(200, 400, 600, 800, 1000), roi_size=224)``: each region is
      read from two scales of the image (:func:`mmresnet.detection.pyramid.adjacent_scales`), and
      the larger of the two values of each feature before the sibling layers goes on. The model has
      to be :class:`mmresnet.detection.faster_rcnn.FasterRCNN`, which computes the scales.

    Masks, if there are any, are predicted from the image as it is.

    Args:
        args: Those of ``StandardRoIHead``.
        global_context: Pool a feature from the whole image, put it through the layers after RoI
            pooling, and append it to that of each region. With several levels of feature maps it is
            read from that which the extractor takes for a region of this size: the coarsest. The
            layers ``fc_cls`` and ``fc_reg`` have twice the inputs, so it has to be trained.
        kwargs: Those of ``StandardRoIHead``.

    Raises:
        UserError: There is no such setting in ``test_cfg.rcnn``, or the box head has no features
            that both of its last layers read.
    """

    def __init__(self, *args: Any, global_context: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.global_context = global_context
        check_test_settings(self.test_cfg or {})
        if global_context or (self.test_cfg or {}).get("multi_scale"):
            check_head(self.bbox_head)
        if global_context:
            double_inputs(self.bbox_head)

    def forward(
        self, x: Sequence[Tensor], rpn_results_list: list[InstanceData], batch_data_samples: Any
    ) -> tuple[Any, ...]:
        """Return the outputs of the heads, as mmdet's does."""
        maps = FeatureMaps.of(x, batch_data_samples)
        outputs: tuple[Any, ...] = super().forward(maps, rpn_results_list, batch_data_samples)
        return outputs

    def loss(
        self, x: Sequence[Tensor], rpn_results_list: list[InstanceData], batch_data_samples: Any
    ) -> dict[str, Tensor]:
        """Return the losses by name, as mmdet's does."""
        maps = FeatureMaps.of(x, batch_data_samples)
        losses: dict[str, Tensor] = super().loss(maps, rpn_results_list, batch_data_samples)
        return losses

    def predict(
        self,
        x: Sequence[Tensor],
        rpn_results_list: list[InstanceData],
        batch_data_samples: Any,
        rescale: bool = False,
    ) -> list[InstanceData]:
        """Return the detections of each image, as mmdet's does.

        Raises:
            UserError: ``test_cfg.rcnn.multi_scale`` is set, and the model computes no scales.
        """
        maps = FeatureMaps.of(x, batch_data_samples)
        if self.test_cfg.get("multi_scale") and not maps.pyramid:
            raise UserValueError(
                "model.test_cfg.rcnn.multi_scale needs a model that computes feature maps at "
                "several scales: set model.type='mmresnet.FasterRCNN'."
            )
        found: list[InstanceData] = super().predict(
            maps, rpn_results_list, batch_data_samples, rescale
        )
        return found

    def predict_bbox(
        self,
        x: FeatureMaps,
        batch_img_metas: list[dict[str, Any]],
        rpn_results_list: list[InstanceData],
        rcnn_test_cfg: Mapping[str, Any],
        rescale: bool = False,
    ) -> list[InstanceData]:
        """Return the boxes of each image, as mmdet's does."""
        return detect(
            lambda boxes: score_regions(self, x, boxes, batch_img_metas),
            [one.bboxes for one in rpn_results_list],
            batch_img_metas,
            rcnn_test_cfg,
            rescale,
        )

    def _bbox_forward(self, x: FeatureMaps, rois: Tensor) -> dict[str, Any]:
        """Return scores, box deltas and pooled features of RoIs (R, 5), as mmdet's does."""
        if not (self.global_context or x.pyramid):
            outputs: dict[str, Any] = super()._bbox_forward(x, rois)
            return outputs
        features, pooled = self._features(x, rois)
        if self.global_context:
            context, _ = self._features(x, bbox2roi(x.image_boxes()))
            features = torch.cat((features, context[rois[:, 0].long()]), 1)
        # not through the head, whose outputs a hook keeps in float32
        scores, deltas = self.bbox_head.fc_cls(features), self.bbox_head.fc_reg(features)
        return {
            "cls_score": widened(scores),
            "bbox_pred": widened(deltas),
            "bbox_feats": pooled,
        }

    def _features(self, x: FeatureMaps, rois: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return what the sibling layers read of RoIs, (R, D), and the pooled maps of one scale."""
        if not x.pyramid:
            return self._features_of(x, rois)
        length = self.bbox_head.fc_cls.in_features // (2 if self.global_context else 1)
        features = rois.new_full((len(rois), length), -torch.inf)
        roi_size = self.test_cfg.multi_scale.get("roi_size", ROI_SIZE)
        for image, scales in enumerate(x.pyramid):
            inside = (rois[:, 0] == image).nonzero().squeeze(1)
            boxes = rois[inside, 1:]
            chosen = adjacent_scales(boxes, [scale.factors for scale in scales], roi_size)
            for scale, here in zip(scales, chosen.T, strict=True):
                if here.any():
                    scaled = boxes[here] * boxes.new_tensor(2 * scale.factors)
                    part, _ = self._features_of(scale.maps, bbox2roi([scaled]))
                    features[inside[here]] = features[inside[here]].maximum(part.to(features))
        return features, None

    def _features_of(self, maps: Sequence[Tensor], rois: Tensor) -> tuple[Tensor, Tensor]:
        pooled = self.bbox_roi_extractor(maps[: self.bbox_roi_extractor.num_inputs], rois)
        if self.with_shared_head:
            pooled = self.shared_head(pooled)
        return region_features(self.bbox_head, pooled), pooled
