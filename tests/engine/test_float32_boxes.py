"""Under autocast, a detector's boxes and scores are float32."""

import pytest
import torch
from mmengine.registry import DefaultScope

from mmresnet.engine.float32_boxes import Float32BoxesHook, keep_boxes_in_float32, widened


def test_widening():
    narrow, wide = torch.ones(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.float64)
    first, (second, number), third = widened((narrow, [wide, torch.tensor(1)], "text"))
    assert first.dtype == torch.float32
    assert second is wide
    assert number.dtype == torch.int64
    assert third == "text"


class Runner:
    def __init__(self, model):
        self.model = model


def test_a_detectors_predictions(small_detector):
    from mmresnet import ops

    ops.install()
    from mmdet.structures import DetDataSample
    from mmengine.registry import MODELS

    from mmresnet.config.load import load_config

    torch.manual_seed(0)
    cfg = load_config("faster-rcnn_r18_fpn_1x_coco", small_detector)
    with DefaultScope.overwrite_default_scope("mmdet"):
        model = MODELS.build(cfg.model).eval()
    sample = DetDataSample()
    size = (64, 80)
    shapes = {"img_shape": size, "ori_shape": size, "pad_shape": size, "scale_factor": (1.0, 1.0)}
    sample.set_metainfo(shapes)
    images = torch.rand(1, 3, *size)

    def scores():
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            return model.predict(images, [sample.clone()])[0].pred_instances.scores

    hook = Float32BoxesHook()
    assert scores().dtype == torch.bfloat16
    hook.before_run(Runner(model))
    hook.before_run(Runner(model))  # as when training is followed by testing
    found = scores()
    assert found.dtype == torch.float32
    assert (found.bfloat16().float() != found).any()  # not the same numbers as float32
    hook.after_run(Runner(model))
    assert scores().dtype == torch.bfloat16


def test_boxes_are_not_rounded_before_pooling():
    """bfloat16 rounds 301 to 302, and pooling a ramp shows which of the two was used."""
    from mmresnet import ops

    ops.install()
    extractors = pytest.importorskip("mmdet.models.roi_heads.roi_extractors")
    layer = dict(type="RoIAlign", output_size=1, sampling_ratio=1)
    extractor = extractors.SingleRoIExtractor(layer, out_channels=1, featmap_strides=[4])
    ramp = torch.arange(128.0).expand(1, 1, 4, 128).bfloat16()  # whole numbers below 256 are exact
    box = torch.tensor([[0, 301.0, 0, 309.0, 8.0]])
    assert float(extractor((ramp,), box)) != 75.75
    keep_boxes_in_float32(extractor)
    found = extractor((ramp,), box)
    assert found.dtype == torch.float32
    assert float(found) == 75.75  # the centre, x = 305, is at 305 / 4 - 1/2 on the map
