"""The operators of ``mmcv._ext`` that are provided, and what needs the others."""

import importlib
from collections.abc import Callable
from typing import Any

from mmresnet.errors import UserError

# name in mmcv._ext -> module of this package, and function
PROVIDED = {
    "nms": "nms:nms",
    "softnms": "nms:softnms",
    "nms_match": "nms:nms_match",
    "bbox_overlaps": "bbox_overlaps:bbox_overlaps",
    "roi_align_forward": "roi_align.operator:roi_align_forward",
    "roi_align_backward": "roi_align.operator:roi_align_backward",
    "roi_pool_forward": "roi_pool:roi_pool_forward",
    "roi_pool_backward": "roi_pool:roi_pool_backward",
    "deform_conv_forward": "deform.conv:deform_conv_forward",
    "deform_conv_backward_input": "deform.conv:deform_conv_backward_input",
    "deform_conv_backward_parameters": "deform.conv:deform_conv_backward_parameters",
    "modulated_deform_conv_forward": "deform.modulated:modulated_deform_conv_forward",
    "modulated_deform_conv_backward": "deform.modulated:modulated_deform_conv_backward",
    "sigmoid_focal_loss_forward": "focal_loss:sigmoid_focal_loss_forward",
    "sigmoid_focal_loss_backward": "focal_loss:sigmoid_focal_loss_backward",
    "softmax_focal_loss_forward": "focal_loss:softmax_focal_loss_forward",
    "softmax_focal_loss_backward": "focal_loss:softmax_focal_loss_backward",
    "ms_deform_attn_forward": "deform.attention:ms_deform_attn_forward",
    "ms_deform_attn_backward": "deform.attention:ms_deform_attn_backward",
    "sync_bn_forward_mean": "sync_bn:sync_bn_forward_mean",
    "sync_bn_forward_var": "sync_bn:sync_bn_forward_var",
    "sync_bn_forward_output": "sync_bn:sync_bn_forward_output",
    "sync_bn_backward_param": "sync_bn:sync_bn_backward_param",
    "sync_bn_backward_data": "sync_bn:sync_bn_backward_data",
    "get_compiler_version": "info:get_compiler_version",
    "get_compiling_cuda_version": "info:get_compiling_cuda_version",
}

# prefixes of the other names -> what needs them
NEEDED_BY = {
    ("carafe",): "FPN_CARAFE and mask heads that upsample by CARAFE",
    ("masked_",): "MaskedConv2d, in the guided-anchoring heads",
    ("deform_roi_pool",): "deformable RoI pooling, in the dpool and mdpool models",
    ("prroi_pool",): "precise RoI pooling",
    ("border_align",): "BorderAlign, in BorderDet",
    (
        "nms_rotated",
        "nms_quadri",
        "box_iou_rotated",
        "box_iou_quadri",
        "roi_align_rotated",
        "riroi_align_rotated",
        "rotated_feature_align",
        "active_rotated_filter",
        "diff_iou_rotated",
        "convex_",
        "min_area_polygons",
        "points_in_polygons",
    ): "the detection of rotated boxes (mmrotate)",
    (
        "iou3d",
        "points_in_boxes",
        "roiaware_pool3d",
        "roipoint_pool3d",
        "ball_query",
        "stack_",
        "group_points",
        "gather_points",
        "furthest_point",
        "three_",
        "knn",
        "assign_score",
        "hard_voxelize",
        "dynamic_",
        "get_indice_pairs",
        "indice_",
        "fused_indice",
        "chamfer_distance",
    ): "the detection and segmentation of point clouds (mmdet3d)",
    ("pixel_group", "contour_expand", "bezier_align"): "text detectors (mmocr)",
    ("psamask",): "PSANet (mmsegmentation)",
    ("tin_shift",): "the temporal interlacing network (mmaction2)",
    ("correlation",): "the cost volumes of optical flow (mmflow)",
    ("upfirdn2d", "fused_bias", "bias_act", "filtered_lrelu"): "StyleGAN (mmagic)",
    ("line_nms",): "mmcv.ops.line_nms, the suppression of line segments",
}


class MissingOperator(UserError, NotImplementedError):
    """A model calls an operator that needs a compiled mmcv."""


def operator(name: str) -> Callable[..., Any]:
    """Return the operator of that name, or a function that raises :class:`MissingOperator`."""
    if name in PROVIDED:
        module, _, function = PROVIDED[name].partition(":")
        return getattr(importlib.import_module(f"{__package__}.{module}"), function)

    def missing(*args: object, **kwargs: object) -> None:
        raise MissingOperator(_missing_message(name))

    missing.__name__ = missing.__qualname__ = name
    return missing


def _missing_message(name: str) -> str:
    user = next(
        (user for prefixes, user in NEEDED_BY.items() if name.startswith(prefixes)),
        "the layer of mmcv.ops that called it",
    )
    return (
        f"mmcv's operator '{name}' is not among those that mmresnet.ops provides; it is needed by "
        f"{user}. Install an mmcv with compiled operators in place of this one "
        "(mmcv.readthedocs.io, 'Installation'), or use a model without that part."
    )
