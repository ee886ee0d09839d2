"""The layers after RoI pooling of mmdet's box heads, without the two sibling layers at their end.

The improvements of He et al. 2015, Appendix B, work on the features in between.
"""

from __future__ import annotations

from typing import Any

from mmdet.models.roi_heads.bbox_heads import BBoxHead, ConvFCBBoxHead
from mmdet.registry import MODELS
from torch import Tensor, nn

from mmresnet.errors import UserValueError

_SUITABLE = ("BBoxHead", "Shared2FCBBoxHead", "Shared4Conv1FCBBoxHead")


def check_head(head: Any) -> None:
    """Check that the last two layers of a box head, ``fc_cls`` and ``fc_reg``, have one input.

    Raises:
        UserValueError: They have not.
    """
    forward = getattr(type(head), "forward", None)
    suitable = (
        forward in (BBoxHead.forward, ConvFCBBoxHead.forward) and head.with_cls and head.with_reg
    )
    if suitable and isinstance(head, ConvFCBBoxHead):
        suitable = not any((*head.cls_convs, *head.cls_fcs, *head.reg_convs, *head.reg_fcs))
    if not suitable:
        raise UserValueError(
            f"model.roi_head.bbox_head: {type(head).__name__} with these settings has no features "
            "that its classification and its box layer share, which global_context and multi_scale "
            f"need; {', '.join(_SUITABLE)} have."
        )


def double_inputs(head: Any) -> None:
    """Replace the sibling layers by some for features of twice the length, in place.

    They are drawn as mmdet draws them: a model whose weights come from a file that lacks these is
    not initialized otherwise.
    """
    for name, cfg, std in (
        ("fc_cls", head.cls_predictor_cfg, 0.01),
        ("fc_reg", head.reg_predictor_cfg, 0.001),
    ):
        old = getattr(head, name)
        sizes = {"in_features": 2 * old.in_features, "out_features": old.out_features}
        new = MODELS.build({**cfg, **sizes})
        nn.init.normal_(new.weight, std=std)
        nn.init.zeros_(new.bias)
        setattr(head, name, new)


def region_features(head: Any, pooled: Tensor) -> Tensor:
    """Return what the sibling layers read: (R, C, H, W) to (R, D)."""
    x = pooled
    if isinstance(head, ConvFCBBoxHead):
        for convolution in head.shared_convs:
            x = convolution(x)
    if head.with_avg_pool:
        x = head.avg_pool(x)
    x = x.flatten(1)
    if isinstance(head, ConvFCBBoxHead):
        for layer in head.shared_fcs:
            x = nn.functional.relu(layer(x))
    return x
