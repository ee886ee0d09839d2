"""A detector that cannot be exported is refused, with what is in the way."""

import pytest

from mmresnet.errors import UserError

MODULATED = {"type": "DCNv2", "deform_groups": 1, "fallback_on_stride": False}


@pytest.mark.parametrize(
    ("kind", "options", "named"),
    [
        (
            "c4",
            {
                "model.roi_head.bbox_roi_extractor.roi_layer": {
                    "type": "RoIAlign",
                    "output_size": 14,
                    "pool_mode": "max",
                }
            },
            "model.roi_head.bbox_roi_extractor.roi_layer is RoIAlign, and neither",
        ),
        (
            "faster-rcnn",
            {"model.test_cfg.rcnn.nms": {"type": "soft_nms", "iou_threshold": 0.5}},
            "model.test_cfg.rcnn.nms is {'type': 'soft_nms', 'iou_threshold': 0.5}",
        ),
        (
            "faster-rcnn",
            {"model.roi_head.type": "mmresnet.RoIHead", "model.test_cfg.rcnn.box_refinement": True},
            "model.test_cfg.rcnn.box_refinement is set",
        ),
        (
            "mask-rcnn",
            {
                "model.backbone.depth": 50,
                "model.backbone.dcn": MODULATED,
                "model.backbone.stage_with_dcn": (False, False, True, False),
                "model.neck.in_channels": [32, 64, 128, 256],
            },
            "is a deformable convolution",
        ),
        ("mask-rcnn", {"model.test_cfg.rcnn.mask_thr_binary": 0.3}, "mask_thr_binary is 0.3"),
        ("retina-net", {"model.test_cfg.min_bbox_size": 4}, "model.test_cfg.min_bbox_size"),
    ],
)
def test_what_is_in_the_way_is_named(kind, options, named, small_model):
    from mmresnet.export.detectors.supported import detector_class

    _, model = small_model(kind, options)
    with pytest.raises(UserError, match="RetinaHead") as error:
        detector_class(model)
    assert named in str(error.value)


@pytest.mark.usefixtures("mmdet_scope")
def test_another_head_is_refused(small_model):
    from mmdet.registry import MODELS

    from mmresnet.export.detectors.supported import detector_class

    _, model = small_model("retina-net")
    model.bbox_head = MODELS.build(
        {
            "type": "ATSSHead",
            "num_classes": 3,
            "in_channels": 16,
            "loss_centerness": {"type": "CrossEntropyLoss", "use_sigmoid": True},
            "anchor_generator": {
                "type": "AnchorGenerator",
                "ratios": [1.0],
                "octave_base_scale": 8,
                "scales_per_octave": 1,
                "strides": [8, 16, 32, 64, 128],
            },
            "test_cfg": model.bbox_head.test_cfg,
        }
    )
    with pytest.raises(UserError, match=r"model\.bbox_head\.type is ATSSHead"):
        detector_class(model)
