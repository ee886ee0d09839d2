"""Features of regions, on one map or on the levels of a pyramid.

As mmdet's ``SingleRoIExtractor`` does it, by RoIAlign or RoIPool.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.ops import RoIPool
from torch import Tensor, nn

from mmresnet.export.detectors.roi_pool import roi_pool


class RegionFeatures(nn.Module):
    """The features of boxes, after the layers that box and mask head share.

    Args:
        extractor: mmdet's extractor, with layers that average (``RoIAlign``) or ``RoIPool``.
        shared_head: These layers, as in C4, or None.
    """

    def __init__(self, extractor: Any, shared_head: nn.Module | None) -> None:
        super().__init__()
        self.extractor = extractor
        self.shared_head = shared_head or nn.Identity()

    def forward(self, maps: Sequence[Tensor], boxes: Tensor) -> Tensor:
        """Maps (1, C, H, W) and boxes (R, 4) of one image to (R, C', height, width)."""
        maps = maps[: self.extractor.num_inputs]
        rois = torch.cat((torch.zeros_like(boxes[:, :1]), boxes), 1)
        layers: Any = self.extractor.roi_layers
        if len(maps) == 1:
            features: Tensor = self.shared_head(_pooled(layers[0], maps[0], rois))
            return features
        levels = self.extractor.map_roi_levels(rois, len(maps))
        features = maps[0].new_zeros(rois.shape[0], maps[0].shape[1], *layers[0].output_size)
        for level, (layer, one) in enumerate(zip(layers, maps, strict=True)):
            chosen = (levels == level).nonzero()[:, 0]
            features = features.index_put((chosen,), _pooled(layer, one, rois[chosen]))
        features = self.shared_head(features)
        return features


def _pooled(layer: Any, features: Tensor, rois: Tensor) -> Tensor:
    if isinstance(layer, RoIPool):
        return roi_pool(features, rois[:, 1:], layer.output_size, layer.spatial_scale)
    options = (layer.spatial_scale, *layer.output_size, layer.sampling_ratio, layer.aligned)
    aligned: Tensor = torch.ops.torchvision.roi_align(features, rois, *options)
    return aligned
