"""mmdet's extractor of region features without copies, for inference on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.ops import RoIAlign
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.models.roi_heads.bbox_heads import Shared2FCBBoxHead
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from torch import Tensor, nn

from mmresnet.ops.roi_align.operator import roi_align_forward


class DirectRoIExtractor(SingleRoIExtractor):
    """mmdet's ``SingleRoIExtractor`` that fills no memory with zeros before it is written.

    It reads feature maps of any type and returns ``dtype``, channels-last; boxes are not rounded.

    Attributes:
        flat: Whether it returns (R, height * width * C, 1, 1), which takes no time to flatten.
    """

    dtype: torch.dtype
    flat = False

    @classmethod
    def of(cls, extractor: SingleRoIExtractor, dtype: torch.dtype) -> DirectRoIExtractor:
        """Return an extractor with the settings of ``extractor``, but without its hooks."""
        direct = cls.__new__(cls)
        direct.__dict__.update(extractor.__dict__, dtype=dtype)
        direct._forward_pre_hooks = type(extractor._forward_pre_hooks)()
        return direct

    def forward(
        self, feats: Sequence[Tensor], rois: Tensor, roi_scale_factor: float | None = None
    ) -> Tensor:
        """Levels (N, C, H, W) and boxes (R, 5), in float32, to (R, C, height, width) or flat."""
        levels = self.map_roi_levels(rois, len(feats))
        if roi_scale_factor is not None:
            rois = self.roi_rescale(rois, roi_scale_factor)
        size = (*self.roi_layers[0].output_size, self.out_channels)
        result = torch.empty(len(rois), *size, dtype=self.dtype)
        for level, (layer, features) in enumerate(zip(self.roi_layers, feats, strict=False)):
            chosen = (levels == level).nonzero().squeeze(1)
            if len(chosen):
                part = torch.empty(len(chosen), *size, dtype=self.dtype)
                _align(layer, features, rois[chosen], part.permute(0, 3, 1, 2))
                result.index_copy_(0, chosen, part)
        return result.view(len(rois), -1, 1, 1) if self.flat else result.permute(0, 3, 1, 2)


def skip_transposition(roi_head: Any) -> None:
    """Let mmdet's box head read the features pixel by pixel, in place, if it flattens them at once.

    The columns of its first layer are put into that order, in which :class:`DirectRoIExtractor`
    computes the features, so that they need not be transposed.
    """
    if type(roi_head) is not StandardRoIHead or not roi_head.with_bbox:
        return
    head, extractor = roi_head.bbox_head, roi_head.bbox_roi_extractor
    if type(head) is not Shared2FCBBoxHead or head.with_avg_pool or not is_replaceable(extractor):
        return
    if roi_head.with_shared_head or (roi_head.with_mask and roi_head.share_roi_extractor):
        return
    first = head.shared_fcs[0]
    weight = first.weight.detach().unflatten(1, (extractor.out_channels, -1))
    first.weight = nn.Parameter(weight.transpose(1, 2).flatten(1), requires_grad=False)
    extractor.flat = True


def is_replaceable(module: Any) -> bool:
    """Return whether a module is mmdet's extractor with average RoIAlign."""
    return type(module) is SingleRoIExtractor and all(
        type(layer) is RoIAlign and layer.pool_mode == "avg" and not layer.use_torchvision
        for layer in module.roi_layers
    )


def _align(layer: RoIAlign, features: Tensor, rois: Tensor, result: Tensor) -> None:
    height, width = layer.output_size
    no_argmax, average = features.new_empty(0), 1
    options = (layer.spatial_scale, layer.sampling_ratio, average, layer.aligned)
    roi_align_forward(features, rois, result, no_argmax, no_argmax, height, width, *options)
