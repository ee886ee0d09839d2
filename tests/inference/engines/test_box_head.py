"""A box head that decodes fewer boxes finds what mmdet's finds."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmdet")

from mmengine import ConfigDict  # noqa: E402
from mmengine.registry import DefaultScope  # noqa: E402

from mmresnet import ops  # noqa: E402

ops.install()
from mmdet.models.roi_heads.bbox_heads import SABLHead, Shared2FCBBoxHead  # noqa: E402

from mmresnet.inference.engines.box_head import decode_likely_boxes  # noqa: E402

SETTINGS = ConfigDict(score_thr=0.3, nms=dict(type="nms", iou_threshold=0.5), max_per_img=50)
META = {"img_shape": (200, 300), "scale_factor": (0.5, 0.5)}


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope("mmdet"):
        yield


def predictions(head, scale, settings, rescale):
    torch.manual_seed(0)
    corner = torch.rand(200, 2) * 150
    rois = torch.cat((torch.zeros(200, 1), corner, corner + 20 + 80 * torch.rand(200, 2)), 1)
    scores, deltas = scale * torch.randn(200, 6), torch.randn(200, 4 * 5)
    return head.predict_by_feat(
        (rois,), (scores,), (deltas,), [META], rcnn_test_cfg=settings, rescale=rescale
    )[0]


@pytest.mark.parametrize("scale", [1.0, 4.0, 0.01])  # some, most and none are above the threshold
@pytest.mark.parametrize("settings", [SETTINGS, None])
@pytest.mark.parametrize("rescale", [True, False])
def test_the_detections_are_those_of_mmdet(scale, settings, rescale, monkeypatch):
    head = Shared2FCBBoxHead(num_classes=5)
    expected = predictions(head, scale, settings, rescale)
    decoded = []
    decode = head.bbox_coder.decode
    monkeypatch.setattr(
        head.bbox_coder,
        "decode",
        lambda rois, *a, **k: decoded.append(len(rois)) or decode(rois, *a, **k),
    )
    decode_likely_boxes(head)
    found = predictions(head, scale, settings, rescale)
    assert set(found.keys()) == set(expected.keys())
    for name, value in expected.items():
        assert torch.equal(found[name], value) and found[name].dtype == value.dtype
    if settings is None:
        assert decoded == [1000]
    elif scale == 0.01:
        assert not decoded and len(found) == 0
    else:
        assert 0 < decoded[0] < 1000 and len(found) > 0


def test_other_heads_are_left_as_they_are():
    for head in (
        Shared2FCBBoxHead(num_classes=5, with_reg=False),
        SABLHead(num_classes=5),
        torch.nn.Linear(2, 2),
    ):
        decode_likely_boxes(head)
        assert "_predict_by_feat_single" not in vars(head)
