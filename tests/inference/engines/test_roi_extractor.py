"""The extractor of region features agrees with mmdet's."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmdet")

from mmresnet import ops  # noqa: E402

ops.install()
from mmdet.models.roi_heads import StandardRoIHead  # noqa: E402
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor  # noqa: E402
from mmengine.registry import DefaultScope  # noqa: E402

from mmresnet.inference.engines.fused_model import fuse  # noqa: E402
from mmresnet.inference.engines.roi_extractor import (  # noqa: E402
    DirectRoIExtractor,
    is_replaceable,
)

STRIDES = [4, 8, 16]


def extractor(**layer):
    layer = {"type": "RoIAlign", "output_size": 7, "sampling_ratio": 0, **layer}
    return SingleRoIExtractor(roi_layer=layer, out_channels=64, featmap_strides=STRIDES)


def boxes(count):
    torch.manual_seed(1)
    corner = torch.rand(count, 2) * 100
    size = torch.rand(count, 2) ** 3 * 200
    image = torch.randint(0, 2, (count, 1)).float()
    return torch.cat((image, corner, corner + size), 1)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("count", [300, 1, 0])
@torch.inference_mode()
def test_the_features_are_those_of_mmdet(count, layout):
    maps = [
        torch.randn(2, 64, 128 // stride, 192 // stride).to(memory_format=layout)
        for stride in STRIDES
    ]
    stock, rois = extractor(), boxes(count)
    direct = DirectRoIExtractor.of(stock, torch.float32)
    for scale in (None, 1.5):
        expected = stock(maps, rois, roi_scale_factor=scale)
        assert torch.equal(direct(maps, rois, roi_scale_factor=scale), expected)
    half = DirectRoIExtractor.of(stock, torch.bfloat16)
    rounded = half([one.bfloat16() for one in maps], rois)
    assert rounded.dtype == torch.bfloat16
    exact = stock([one.bfloat16().float() for one in maps], rois)
    assert torch.equal(rounded, exact.bfloat16())


def standard_head(**settings):
    roi_layer = {"type": "RoIAlign", "output_size": 7, "sampling_ratio": 0}
    reader = {"type": "SingleRoIExtractor", "out_channels": 16, "featmap_strides": STRIDES}
    box_head = {"type": "Shared2FCBBoxHead", "in_channels": 16, "fc_out_channels": 32}
    parts = {
        "bbox_roi_extractor": {**reader, "roi_layer": roi_layer},
        "bbox_head": {**box_head, "num_classes": 3},
        **settings,
    }
    with DefaultScope.overwrite_default_scope("mmdet"):
        return StandardRoIHead(**parts).eval()


@torch.inference_mode()
def test_a_head_that_flattens_at_once_reads_pixel_by_pixel():
    torch.manual_seed(0)
    head = standard_head()
    maps = [torch.randn(2, 16, 128 // stride, 192 // stride) for stride in STRIDES]
    maps = [one.to(memory_format=torch.channels_last) for one in maps]
    rois = boxes(50)
    expected = head._bbox_forward(maps, rois)
    fuse(torch.nn.ModuleDict({"roi_head": head}), torch.float32)
    assert head.bbox_roi_extractor.flat
    found = head._bbox_forward(maps, rois)
    assert found["bbox_feats"].shape == (50, 7 * 7 * 16, 1, 1)
    for name in ("cls_score", "bbox_pred"):
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"bbox_head": {"type": "Shared4Conv1FCBBoxHead", "in_channels": 16, "num_classes": 3}},
        {"mask_head": {"type": "FCNMaskHead", "in_channels": 16, "num_classes": 3}},
    ],
)
def test_other_heads_get_maps(settings):
    """One with convolutions, and one whose extractor serves masks as well."""
    head = standard_head(**settings)
    fuse(torch.nn.ModuleDict({"roi_head": head}), torch.float32)
    assert isinstance(head.bbox_roi_extractor, DirectRoIExtractor)
    assert not head.bbox_roi_extractor.flat


def test_hooks_that_widen_the_maps_are_left_out():
    stock = extractor()
    stock.register_forward_pre_hook(lambda *_: pytest.fail("the hook ran"))
    DirectRoIExtractor.of(stock, torch.float32)([torch.zeros(1, 64, 8, 8)] * 3, boxes(0))
    assert len(stock._forward_pre_hooks) == 1


def test_other_extractors_are_not_replaced():
    assert is_replaceable(extractor())
    assert not is_replaceable(extractor(pool_mode="max"))
    assert not is_replaceable(extractor(use_torchvision=True))
    assert not is_replaceable(torch.nn.Identity())
