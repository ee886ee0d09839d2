"""The extractor of region features agrees with mmdet's."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmdet")

from mmresnet import ops  # noqa: E402

ops.install()
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor  # noqa: E402

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
