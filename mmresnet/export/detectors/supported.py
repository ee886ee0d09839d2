"""Which of mmdet's detectors can be exported: those whose boxes are decoded as is written here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mmcv.ops import DeformConv2d, ModulatedDeformConv2d, RoIAlign, RoIPool
from mmdet.models import (
    AnchorHead,
    BBoxHead,
    ConvFCBBoxHead,
    DetDataPreprocessor,
    FCNMaskHead,
    RPNHead,
    SingleRoIExtractor,
    StandardRoIHead,
)
from mmdet.models import SingleStageDetector as MmdetSingleStage
from mmdet.models import TwoStageDetector as MmdetTwoStage
from mmdet.models.task_modules import AnchorGenerator, DeltaXYWHBBoxCoder
from torch import nn

from mmresnet.errors import UserError
from mmresnet.export.detectors.detector import (
    ExportableDetector,
    OneStageDetector,
    TwoStageDetector,
)
from mmresnet.export.detectors.runner import MASK_THRESHOLD

_DECODING = ("predict_by_feat", "_predict_by_feat_single", "_bbox_post_process")
_KINDS = (
    "Faster R-CNN and Mask R-CNN, with a feature pyramid or on one map (C4), and RetinaNet and "
    "others whose heads decode boxes as RetinaHead does"
)


def detector_class(model: nn.Module) -> Callable[..., ExportableDetector]:
    """Return what makes a detector exportable.

    Raises:
        UserError: A part of it is none of those whose inference can be written; which, and which
            can.
    """
    is_two_stage = isinstance(model, MmdetTwoStage)
    problems = [*(_two_stage_problems if is_two_stage else _one_stage_problems)(model)]
    if problems:
        raise UserError(
            f"This detector cannot be exported: {'; '.join(problems)}. What can be: {_KINDS}."
        )
    return TwoStageDetector if is_two_stage else OneStageDetector


def _one_stage_problems(model: Any) -> Iterator[str]:
    if not (isinstance(model, MmdetSingleStage) and _keeps(model, MmdetSingleStage, ["predict"])):
        yield f"model.type is {type(model).__name__}"
        return
    yield from _common_problems(model)
    yield from _anchor_head_problems("model.bbox_head", model.bbox_head)
    if model.bbox_head.test_cfg.get("min_bbox_size", -1) > 0:  # mmdet: of the original image
        yield "model.test_cfg.min_bbox_size is above 0"


def _two_stage_problems(model: Any) -> Iterator[str]:
    yield from _common_problems(model)
    if not model.with_rpn or not isinstance(model.rpn_head, RPNHead):
        yield "model.rpn_head is not an RPNHead"
    else:
        yield from _anchor_head_problems("model.rpn_head", model.rpn_head)
    head = model.roi_head
    if type(head).__name__ not in ("StandardRoIHead", "RoIHead") or not isinstance(
        head, StandardRoIHead
    ):
        yield f"model.roi_head.type is {type(head).__name__}"
        return
    if getattr(head, "global_context", False):
        yield "model.roi_head.global_context is set"
    for name in ("box_refinement", "box_voting", "multi_scale"):
        if head.test_cfg.get(name):
            yield f"model.test_cfg.rcnn.{name} is set"
    yield from _nms_problems("model.test_cfg.rcnn", head.test_cfg)
    yield from _extractor_problems("model.roi_head.bbox_roi_extractor", head.bbox_roi_extractor)
    yield from _box_head_problems("model.roi_head.bbox_head", head.bbox_head)
    if head.with_mask:
        yield from _extractor_problems("model.roi_head.mask_roi_extractor", head.mask_roi_extractor)
        if not _keeps(head.mask_head, FCNMaskHead, ["forward", *_DECODING[:2]]):
            yield f"model.roi_head.mask_head.type is {type(head.mask_head).__name__}"
        if head.test_cfg.mask_thr_binary != MASK_THRESHOLD:
            yield f"model.test_cfg.rcnn.mask_thr_binary is {head.test_cfg.mask_thr_binary}"


def _common_problems(model: Any) -> Iterator[str]:
    if type(model.data_preprocessor) is not DetDataPreprocessor:
        yield f"model.data_preprocessor.type is {type(model.data_preprocessor).__name__}"
    for name, layer in model.named_modules():
        if isinstance(layer, (DeformConv2d, ModulatedDeformConv2d)):
            yield f"model.{name} is a deformable convolution"
            return


def _anchor_head_problems(path: str, head: Any) -> Iterator[str]:
    base = RPNHead if isinstance(head, RPNHead) else AnchorHead
    if not _keeps(head, base, ["forward", "predict", *_DECODING]):
        yield f"{path}.type is {type(head).__name__}"
        return
    if getattr(head.loss_cls, "custom_cls_channels", False):
        yield f"{path}.loss_cls scores in its own way"
    if not isinstance(head.prior_generator, AnchorGenerator):
        yield f"{path}.anchor_generator.type is {type(head.prior_generator).__name__}"
    yield from _coder_problems(path, head.bbox_coder)
    yield from _nms_problems(f"{path}.test_cfg", head.test_cfg)


def _box_head_problems(path: str, head: Any) -> Iterator[str]:
    methods = list(_DECODING[:2])
    if not (
        _keeps(head, BBoxHead, methods)
        and type(head).forward in (BBoxHead.forward, ConvFCBBoxHead.forward)
        and head.with_cls
        and head.with_reg
    ):
        yield f"{path}.type is {type(head).__name__}"
        return
    if head.custom_cls_channels:
        yield f"{path}.loss_cls scores in its own way"
    yield from _coder_problems(path, head.bbox_coder)


def _coder_problems(path: str, coder: Any) -> Iterator[str]:
    if type(coder) is not DeltaXYWHBBoxCoder:
        yield f"{path}.bbox_coder.type is {type(coder).__name__}"
    elif coder.add_ctr_clamp or not coder.clip_border:
        yield f"{path}.bbox_coder has add_ctr_clamp=True or clip_border=False"


def _extractor_problems(path: str, extractor: Any) -> Iterator[str]:
    if type(extractor) is not SingleRoIExtractor:
        yield f"{path}.type is {type(extractor).__name__}"
        return
    layer: Any = extractor.roi_layers[0]
    if type(layer) is not RoIPool and (type(layer) is not RoIAlign or layer.pool_mode != "avg"):
        yield (
            f"{path}.roi_layer is {type(layer).__name__}, and neither RoIPool nor RoIAlign with "
            "pool_mode='avg'"
        )


def _nms_problems(path: str, cfg: Any) -> Iterator[str]:
    nms = cfg.get("nms") or {}
    if nms.get("type", "nms") != "nms" or {*nms} - {"type", "iou_threshold"} or not nms:
        yield f"{path}.nms is {dict(nms)}, and not dict(type='nms', iou_threshold=…)"


def _keeps(part: Any, base: type, methods: Sequence[str]) -> bool:
    """Return whether a part is of a class, or of one that inherits these methods from it."""
    return isinstance(part, base) and all(
        getattr(type(part), name, None) is getattr(base, name, None) for name in methods
    )
