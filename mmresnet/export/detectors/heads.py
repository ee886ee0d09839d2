"""The second stage of mmdet's two-stage detectors: boxes, and masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.roi_heads.bbox_heads import ConvFCBBoxHead
from torch import Tensor, nn

from mmresnet.export.detectors.boxes import Boxes, decode, suppress
from mmresnet.export.detectors.regions import RegionFeatures


class RegionDetections(nn.Module):
    """Proposals, classified and moved.

    Args:
        roi_head: mmdet's ``StandardRoIHead``.
    """

    def __init__(self, roi_head: Any) -> None:
        super().__init__()
        shared_head = roi_head.shared_head if roi_head.with_shared_head else None
        self.region_features = RegionFeatures(roi_head.bbox_roi_extractor, shared_head)
        self.head, self.cfg = roi_head.bbox_head, roi_head.test_cfg

    def forward(self, maps: Sequence[Tensor], proposals: Tensor, limit: Tensor) -> Boxes:
        """Return the detections in maps (1, C, H, W) and proposals (R, 4) of an image."""
        head: Any = self.head
        logits, deltas = self._outputs(self.region_features(maps, proposals))
        scores = logits.softmax(1)[:, :-1]
        classes = scores.shape[1]
        likely = (scores.flatten() > self.cfg["score_thr"]).nonzero()[:, 0]
        rows = likely // classes
        deltas = deltas[rows] if head.reg_class_agnostic else deltas.reshape(-1, 4)[likely]
        corners = decode(head.bbox_coder, proposals[rows], deltas, limit)
        found = Boxes(corners, scores.flatten()[likely], likely % classes)
        return suppress(found, limit, self.cfg)

    def _outputs(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and deltas, as the head does; mmdet's ``BBoxHead`` asks whether R is 0."""
        head: Any = self.head
        if isinstance(head, ConvFCBBoxHead):
            outputs: tuple[Tensor, Tensor] = head(features)
            return outputs
        features = (head.avg_pool(features) if head.with_avg_pool else features).flatten(1)
        return head.fc_cls(features), head.fc_reg(features)


class RegionMasks(nn.Module):
    """Masks of detections.

    Args:
        roi_head: mmdet's ``StandardRoIHead``, with a mask head.
    """

    def __init__(self, roi_head: Any) -> None:
        super().__init__()
        shared_head = roi_head.shared_head if roi_head.with_shared_head else None
        self.region_features = RegionFeatures(roi_head.mask_roi_extractor, shared_head)
        self.head = roi_head.mask_head

    def forward(self, maps: Sequence[Tensor], found: Boxes) -> Tensor:
        """Return the probability of each pixel of a grid over each box, (K, height, width)."""
        head: Any = self.head
        logits = head(self.region_features(maps, found.corners))
        if head.class_agnostic:
            return logits[:, 0].sigmoid()
        rows = torch.arange(found.groups.shape[0], device=logits.device)
        return logits[rows, found.groups].sigmoid()
