"""Small detectors with random weights that find boxes, and pictures for them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

FASTER_RCNN = {
    "model.backbone.init_cfg": None,
    "model.backbone.stem_channels": 8,
    "model.backbone.base_channels": 8,
    "model.neck.in_channels": [8, 16, 32, 64],
    "model.neck.out_channels": 16,
    "model.rpn_head.in_channels": 16,
    "model.rpn_head.feat_channels": 16,
    "model.roi_head.bbox_roi_extractor.out_channels": 16,
    "model.roi_head.bbox_head.in_channels": 16,
    "model.roi_head.bbox_head.fc_out_channels": 32,
    "model.roi_head.bbox_head.num_classes": 3,
    "model.test_cfg.rpn.nms_pre": 100,
    "model.test_cfg.rpn.max_per_img": 60,
}
MASK_RCNN = FASTER_RCNN | {
    "model.backbone.depth": 18,
    "model.roi_head.mask_roi_extractor.out_channels": 16,
    "model.roi_head.mask_head.in_channels": 16,
    "model.roi_head.mask_head.conv_out_channels": 8,
    "model.roi_head.mask_head.num_classes": 3,
}
C4 = {
    "model.backbone.init_cfg": None,
    "model.roi_head.shared_head.init_cfg": None,
    "model.roi_head.bbox_head.num_classes": 3,
    "model.rpn_head.feat_channels": 16,
    "model.test_cfg.rpn.nms_pre": 100,
    "model.test_cfg.rpn.max_per_img": 12,
}
C4_ROI_POOL = C4 | {  # as in the paper
    "model.roi_head.bbox_roi_extractor.roi_layer": {
        "_delete_": True,
        "type": "RoIPool",
        "output_size": 14,
    }
}
RETINA_NET = {
    "type": "RetinaNet",
    "data_preprocessor": {
        "type": "DetDataPreprocessor",
        "mean": [123.675, 116.28, 103.53],
        "std": [58.395, 57.12, 57.375],
        "bgr_to_rgb": True,
        "pad_size_divisor": 32,
    },
    "backbone": {
        "type": "mmresnet.ResNet",
        "depth": 18,
        "stem_channels": 8,
        "base_channels": 8,
        "out_indices": (0, 1, 2, 3),
    },
    "neck": {
        "type": "FPN",
        "in_channels": [8, 16, 32, 64],
        "out_channels": 16,
        "start_level": 1,
        "add_extra_convs": "on_input",
        "num_outs": 5,
    },
    "bbox_head": {
        "type": "RetinaHead",
        "num_classes": 3,
        "in_channels": 16,
        "feat_channels": 16,
        "stacked_convs": 1,
        "anchor_generator": {
            "type": "AnchorGenerator",
            "octave_base_scale": 4,
            "scales_per_octave": 3,
            "ratios": [0.5, 1.0, 2.0],
            "strides": [8, 16, 32, 64, 128],
        },
        "bbox_coder": {"type": "DeltaXYWHBBoxCoder"},
    },
    "test_cfg": {
        "nms_pre": 100,
        "min_bbox_size": 0,
        "score_thr": 0.05,
        "nms": {"type": "nms", "iou_threshold": 0.5},
        "max_per_img": 40,
    },
}
RECIPES = {
    "faster-rcnn": ("faster-rcnn_r18_fpn_1x_coco", FASTER_RCNN),
    "mask-rcnn": ("mask-rcnn_r50_fpn_1x_coco", MASK_RCNN),
    "c4": ("faster-rcnn_r50-caffe_c4_1x_coco", C4),
    "c4-roi-pool": ("faster-rcnn_r50-caffe_c4_1x_coco", C4_ROI_POOL),
    "retina-net": ("faster-rcnn_r18_fpn_1x_coco", {"model": {"_delete_": True, **RETINA_NET}}),
}


@pytest.fixture(scope="session")
def small_model() -> Callable[..., Any]:
    """``small_model(kind, options)`` returns config and model, whose scores vary."""
    pytest.importorskip("mmdet")
    from mmresnet.engine.assembly import build_model, prepare

    def make(kind: str, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        recipe, settings = RECIPES[kind]
        cfg = prepare(recipe, {**settings, **(options or {})})
        torch.manual_seed(0)
        model = build_model(cfg)
        model.init_weights()
        for name, tensor in model.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2)
            elif name.endswith(("running_mean", "rpn_reg.weight", "retina_reg.weight")):
                tensor.normal_(0, 0.1)
            elif name.endswith(("rpn_cls.weight", "retina_cls.weight", "fc_cls.weight")):
                tensor.normal_(0, 0.5)
            elif name.endswith("retina_cls.bias"):
                tensor.fill_(-1)
        return cfg, model.eval()

    return make


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """BGR images of several sizes, without areas in which anchors have the same scores."""
    import cv2

    generator = np.random.default_rng(0)
    cells = generator.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    sizes = ((192, 128), (141, 203), (40, 30))
    return [cv2.resize(cells, size, interpolation=cv2.INTER_CUBIC) for size in sizes]
