"""Each improvement against the same in plain torch and torchvision, alone and together."""

import pytest
import torch
from torch.nn import functional as F

from mmresnet import ops

ops.install()
pytest.importorskip("mmdet.models")

import tiny_detectors as tiny  # noqa: E402  it needs mmdet
from mmengine.registry import MODELS, DefaultScope  # noqa: E402
from mmengine.structures import InstanceData  # noqa: E402

from mmresnet.errors import UserError  # noqa: E402
from mmresnet.inference.engines import optimize  # noqa: E402
from mmresnet.weights.coverage import WeightsError  # noqa: E402

MULTI_SCALE = {"multi_scale": {"short_sides": (32, 48, 96), "roi_size": 40}}
each_kind = pytest.mark.parametrize("kind", [tiny.fpn, tiny.c4])


def with_settings(model, **settings):
    model.test_cfg.rcnn.update(settings)
    return model


def expected_outputs(detector, index, boxes, maps, scales):
    """Return boxes (R, C, 4) and scores (R, C + 1) of the boxes of an image.

    ``scales`` are (maps, x factor, y factor); without any, the batch's maps are read.
    """

    settings = detector.roi_head.test_cfg

    def features(chosen):
        if not scales:
            return tiny.features_of(detector, maps, chosen, index)
        rows = []
        for box in chosen:
            read = []
            for of_scale, x, y in scales:
                scaled = box * torch.tensor([x, y, x, y])
                area = float((scaled[2] - scaled[0]) * (scaled[3] - scaled[1]))
                read.append((abs(area - settings.multi_scale.roi_size**2), of_scale, scaled))
            best = sorted(read, key=lambda one: one[0])[:2]
            both = [tiny.features_of(detector, m, scaled[None]) for _, m, scaled in best]
            rows.append(torch.maximum(*both))
        return torch.cat(rows)

    height, width = tiny.SIZES[index]
    rows = features(boxes)
    if detector.roi_head.global_context:
        whole = features(torch.tensor([[0.0, 0.0, width, height]]))
        rows = torch.cat((rows, whole.expand_as(rows)), 1)
    head = detector.roi_head.bbox_head
    scores = F.linear(rows, head.fc_cls.weight, head.fc_cls.bias).softmax(1)
    deltas = F.linear(rows, head.fc_reg.weight, head.fc_reg.bias)
    return tiny.decode(boxes, deltas, (height, width)), scores


def expected_detections(detector):
    """Return rows of detections for each image, with what the settings of the detector turn on."""
    settings = detector.roi_head.test_cfg
    inputs, samples, maps = tiny.prepared(detector)
    results = []
    for index, boxes in enumerate(tiny.proposals_of(detector, maps, samples)):
        height, width = tiny.SIZES[index]
        scales = []
        for side in settings.multi_scale.short_sides if "multi_scale" in settings else ():
            new = round(height * side / min(height, width)), round(width * side / height)
            image = inputs[index : index + 1, :, :height, :width]
            image = F.interpolate(image, new, mode="bilinear", antialias=True)
            padded = torch.zeros(1, 3, *(-(-one // 16) * 16 for one in new))
            padded[:, :, : new[0], : new[1]] = image
            scales.append((detector.extract_feat(padded), new[1] / width, new[0] / height))
        found, scores = expected_outputs(detector, index, boxes, maps, scales)
        if settings.get("box_refinement"):
            best = (
                scores[:, :-1].argmax(1) if found.shape[1] > 1 else torch.zeros(len(found)).long()
            )
            again = expected_outputs(detector, index, found[range(len(found)), best], maps, scales)
            found, scores = torch.cat((found, again[0])), torch.cat((scores, again[1]))
        results.append(tiny.suppress(found, scores, settings, (1 / 3, 1 / 2)))
    return results


REFINED = {"box_refinement": True, "nms": {"type": "nms", "iou_threshold": 0.3}}
VOTED = {**REFINED, "box_voting": {"iou_threshold": 0.5}}


@each_kind
@pytest.mark.parametrize(
    ("settings", "context"),
    [
        pytest.param({}, False, id="none"),
        pytest.param(REFINED, False, id="refinement"),
        pytest.param({"box_voting": {"iou_threshold": 0.5}}, False, id="voting"),
        pytest.param({}, True, id="context"),
        pytest.param(MULTI_SCALE, False, id="multi-scale"),
        pytest.param({**VOTED, **MULTI_SCALE}, True, id="all"),
    ],
)
def test_detections_are_those_of_plain_torch(kind, settings, context):
    model = with_settings(kind(), **settings)
    model.roi_head.global_context = context
    detector = tiny.build(model)
    with torch.no_grad():
        expected = expected_detections(detector)
    for found, rows in zip(tiny.predict(detector), expected, strict=True):
        tiny.assert_detections(found, rows)


def test_a_box_for_all_classes_is_refined():
    detector = tiny.build(with_settings(tiny.fpn(reg_class_agnostic=True), **VOTED))
    with torch.no_grad():
        expected = expected_detections(detector)
    for found, rows in zip(tiny.predict(detector), expected, strict=True):
        tiny.assert_detections(found, rows)


@each_kind
def test_without_improvements_it_is_mmdets_bit_for_bit(kind):
    ours = tiny.build(kind())
    model = kind()
    model.type, model.roi_head.type = "FasterRCNN", "StandardRoIHead"
    theirs = tiny.build(model)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for mine, other in zip(tiny.predict(ours), tiny.predict(theirs), strict=True):
        assert len(other["scores"]) >= 3
        assert all(torch.equal(mine[name], other[name]) for name in other)
    found, expected = losses(ours), losses(theirs)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(torch.as_tensor(found[name]), torch.as_tensor(value)), name


def losses(detector):
    data = detector.data_preprocessor(tiny.images(), training=True)
    torch.manual_seed(0)  # of the samplers
    found = detector(**data, mode="loss")
    return {k: sum(v) if isinstance(v, list) else v for k, v in found.items()}


@each_kind
def test_global_context_is_trained_with_the_rest(kind):
    model = kind()
    model.roi_head.global_context = True
    detector, plain = tiny.build(model), tiny.build(kind())
    detector.train()
    found = losses(detector)
    (found["loss_cls"] + found["loss_bbox"]).backward()
    head = detector.roi_head.bbox_head
    for name in ("fc_cls", "fc_reg"):
        width = getattr(plain.roi_head.bbox_head, name).in_features
        gradient = getattr(head, name).weight.grad
        assert gradient.shape[1] == 2 * width
        assert gradient[:, :width].abs().sum() > 0
        assert gradient[:, width:].abs().sum() > 0
    assert detector.backbone.conv1.weight.grad.abs().sum() > 0


def test_weights_without_context_are_loaded_in_part_and_reported(tmp_path):
    baseline = tiny.build(tiny.fpn(), seed=1)
    checkpoint = str(tmp_path / "baseline.pth")
    torch.save(baseline.state_dict(), checkpoint)
    model = tiny.fpn()
    model.roi_head.global_context = True
    model.init_cfg = {"type": "Pretrained", "checkpoint": checkpoint}
    with pytest.raises(WeightsError, match=r"fc_cls\.weight: file \(4, 16\), model \(4, 32\)"):
        tiny.build(model).init_weights()
    model.init_cfg.allow_partial = True
    with DefaultScope.overwrite_default_scope("mmdet"):
        detector = MODELS.build(model)
    detector.init_weights()
    assert detector.weights_report.shapes == [
        "roi_head.bbox_head.fc_cls.weight: file (4, 16), model (4, 32)",
        "roi_head.bbox_head.fc_reg.weight: file (12, 16), model (12, 32)",
    ]
    own, loaded = baseline.state_dict(), detector.state_dict()
    differing = [name for name in own if not torch.equal(own[name], loaded[name])]
    assert differing == ["roi_head.bbox_head.fc_cls.weight", "roi_head.bbox_head.fc_reg.weight"]
    # drawn as mmdet's: within 30 %, of 128 and 384 numbers
    assert loaded[differing[0]].std().item() == pytest.approx(0.01, rel=0.3)
    assert loaded[differing[1]].std().item() == pytest.approx(0.001, rel=0.3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_engine_of_inference_computes_the_same(dtype):
    """Extractors and box heads are replaced for speed, and this head is left as it is."""
    model = with_settings(tiny.fpn(), **VOTED, **MULTI_SCALE, score_thr=0.0)
    model.roi_head.global_context = True
    expected, fused = (tiny.build(model) for _ in range(2))
    optimize(fused, "pytorch", dtype)
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        found = tiny.predict(fused)
    for mine, other in zip(found, tiny.predict(expected), strict=True):
        assert mine["bboxes"].dtype == mine["scores"].dtype == torch.float32
        if dtype == torch.float32:
            assert torch.equal(mine["labels"], other["labels"])
            torch.testing.assert_close(mine["scores"], other["scores"], rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(mine["bboxes"], other["bboxes"], rtol=1e-3, atol=1e-2)
        else:  # whose rounding changes what is suppressed
            torch.testing.assert_close(mine["scores"][:3], other["scores"][:3], rtol=0.1, atol=0)


@each_kind
def test_images_without_proposals_have_no_detections(kind):
    model = with_settings(kind(), **VOTED, **MULTI_SCALE)
    model.roi_head.global_context = True
    detector = tiny.build(model)
    detector.rpn_head.test_cfg.min_bbox_size = 1000
    for found in tiny.predict(detector):
        assert_empty(found)
    inputs, samples, maps = tiny.prepared(detector)
    some = tiny.build(model)
    proposals = tiny.proposals_of(some, maps, samples)
    for sample, boxes in zip(samples, (proposals[0], proposals[1][:0]), strict=True):
        sample.proposals = InstanceData(bboxes=boxes)
    with torch.no_grad():
        full, empty = some.predict(inputs, samples)
    assert len(full.pred_instances.scores) >= 3
    assert_empty(empty.pred_instances)


def assert_empty(found):
    assert found["bboxes"].shape == (0, 4)
    assert len(found["scores"]) == len(found["labels"]) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"box_refinment": True}, "Did you mean 'box_refinement'?"),
        ({"box_refinement": 2}, "box_refinement is True or False, not 2"),
        ({"box_voting": 0.5}, r"box_voting is None or dict\(iou_threshold=…\).*not 0\.5"),
        ({"box_voting": {"iou_threshold": 0}}, "above 0 and up to 1"),
        ({"multi_scale": {"short_sides": [600]}}, r"two or more lengths.*\[600\]"),
        ({"multi_scale": {"short_sides": (600, 400)}}, "in ascending order"),
        ({"multi_scale": {"short_sides": (2, 4), "roi_sise": 9}}, "roi_sise"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        tiny.build(with_settings(tiny.fpn(), **settings))


def test_what_does_not_go_together_is_refused():
    model = with_settings(tiny.fpn(), **MULTI_SCALE)
    model.type = "FasterRCNN"
    detector = tiny.build(model)
    with pytest.raises(UserError, match=r"set model\.type='mmresnet\.FasterRCNN'"):
        tiny.predict(detector)
    model = tiny.fpn()
    model.roi_head.type = "StandardRoIHead"
    with pytest.raises(UserError, match=r"needs model\.roi_head\.type='mmresnet\.RoIHead'"):
        tiny.build(model)
    model = tiny.fpn()
    model.roi_head.global_context = True
    model.roi_head.bbox_head.update(type="ConvFCBBoxHead", num_cls_fcs=1)
    with pytest.raises(UserError, match="ConvFCBBoxHead with these settings has no features"):
        tiny.build(model)
