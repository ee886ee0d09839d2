"""Fused layers and backbones compute what the layers compute that they are made of."""

import copy

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmcv")

from mmcv.cnn import ConvModule  # noqa: E402
from torch import nn  # noqa: E402

from mmresnet.inference.engines import fused_layers  # noqa: E402
from mmresnet.inference.engines.fused_layers import (  # noqa: E402
    FusedConv2d,
    OwnDtypeLinear,
    PositiveMaxPool2d,
)
from mmresnet.inference.engines.fused_model import FusedBlock, FusedNet, fuse  # noqa: E402
from mmresnet.registry import MODELS  # noqa: E402

ALL = (0, 1, 2, 3)
NETS = {
    "ResNet-18": dict(type="ResNet", depth=18, out_indices=ALL),
    "ResNet-50": dict(type="ResNet", depth=50, out_indices=ALL),
    "Caffe style, frozen": dict(type="ResNet", depth=50, style="caffe", frozen_stages=2),
    "ResNet-V1c": dict(type="ResNetV1c", depth=50),
    "ResNet-V1d": dict(type="ResNetV1d", depth=50, out_indices=ALL),
    "CIFAR, option A": dict(type="CifarResNet", depth=20, out_indices=(0, 1, 2)),
    "plain": dict(type="CifarPlainNet", depth=20),
    "drop path": dict(type="ResNet", depth=18, drop_path_rate=0.2),
    "plugin": dict(
        type="ResNet",
        depth=50,
        plugins=[dict(cfg=dict(type="ContextBlock", ratio=1 / 16), position="after_conv3")],
    ),
    "deformable": dict(
        type="ResNet",
        depth=50,
        dcn=dict(type="DCNv2", deform_groups=1),
        stage_with_dcn=(False, False, False, True),
    ),
    "group norm": dict(type="ResNet", depth=50, norm_cfg=dict(type="GN", num_groups=32)),
    "no oneDNN": dict(type="ResNet", depth=50, out_indices=ALL),
}


def randomize(model):
    """Make every BatchNorm differ from the identity."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.7, 1.3)
            nn.init.uniform_(module.weight, 0.5, 1)
            nn.init.normal_(module.bias, 0, 0.1)
    return model.eval()


def difference(one, other):
    """Return the largest difference, relative to the largest value."""
    return float((one.float() - other).abs().max() / other.abs().max())


@pytest.fixture(params=NETS)
def net(request, monkeypatch):
    if request.param == "no oneDNN":
        monkeypatch.setattr(fused_layers, "onednn_fuses", lambda dtype: False)
    torch.manual_seed(0)
    cfg = NETS[request.param]
    return randomize(MODELS.build({**cfg, "type": f"mmresnet.{cfg['type']}"}))


@torch.inference_mode()
def test_a_fused_net_computes_the_same(net):
    x = torch.randn(2, 3, 64, 96)
    expected = net(x)
    fused = FusedNet(net, torch.float32)
    half = FusedNet(net, torch.bfloat16)
    for _ in range(2):  # nothing that the first call wrote is read by the second
        outputs = fused(x)
        assert len(outputs) == len(expected)
        for output, wanted in zip(outputs, expected, strict=True):
            assert difference(output, wanted) < 1e-5
    with torch.autocast("cpu", torch.bfloat16):
        for output, wanted in zip(half(x), expected, strict=True):
            assert output.dtype == torch.bfloat16
            assert 0 < difference(output, wanted) < 0.1


def test_blocks_become_one_kernel_per_convolution():
    net = randomize(MODELS.build(dict(type="mmresnet.ResNet", depth=50)))
    fused = FusedNet(net, torch.float32)
    containers = (FusedNet, FusedBlock, nn.ModuleList, nn.Sequential)
    kinds = {type(module) for module in fused.modules() if not isinstance(module, containers)}
    assert kinds == {FusedConv2d, nn.MaxPool2d}
    assert all(isinstance(block, FusedBlock) for stage in fused.stages for block in stage)
    assert sum(isinstance(module, FusedConv2d) for module in fused.modules()) == 53
    assert isinstance(FusedNet(net, torch.bfloat16).stem[1], PositiveMaxPool2d)


@pytest.mark.parametrize("packed", [True, False])
@torch.inference_mode()
def test_a_fused_convolution_adds_into_the_residual(packed, monkeypatch):
    if not packed:
        monkeypatch.setattr(fused_layers, "onednn_fuses", lambda dtype: False)
    conv = nn.Conv2d(8, 6, 3, stride=2, padding=1, dilation=1, groups=2)
    norm = randomize(nn.BatchNorm2d(6))
    x, residual = torch.randn(2, 8, 9, 9), torch.randn(2, 6, 5, 5)
    residual = residual.contiguous(memory_format=torch.channels_last)
    expected = (norm(conv(x)) + residual).relu()
    output = FusedConv2d(conv, norm, True, torch.float32)(x, residual)
    assert difference(output, expected) < 1e-5
    assert output.data_ptr() == residual.data_ptr()
    assert output.is_contiguous(memory_format=torch.channels_last)
    empty = FusedConv2d(conv, norm, True, torch.float32)(x[:0])
    assert empty.shape == (0, 6, 5, 5)


@pytest.mark.parametrize("shape", [(2, 8, 12, 16), (1, 8, 7, 9), (1, 3, 1, 2), (0, 3, 4, 4)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_pooling_of_positive_maps_equals_that_of_pytorch(shape, dtype):
    torch.manual_seed(0)
    x = (torch.randn(shape) * 1e3).relu().to(dtype, memory_format=torch.channels_last)
    if len(x):
        x[0, 0, 0, 0], x[0, 1, 0, -1] = float("inf"), float("nan")
    pooled = PositiveMaxPool2d()(x)
    expected = nn.functional.max_pool2d(x, 3, 2, 1) if len(x) else pooled
    assert torch.equal(pooled.nan_to_num(-1), expected.nan_to_num(-1))
    assert pooled.shape == (*shape[:2], -(-shape[2] // 2), -(-shape[3] // 2))


@pytest.mark.parametrize(
    ("settings", "fuses_norm", "fuses_activation"),
    [
        (dict(norm_cfg=dict(type="BN")), True, True),
        (dict(norm_cfg=dict(type="BN"), act_cfg=dict(type="LeakyReLU")), True, False),
        (dict(), True, True),
        (dict(norm_cfg=dict(type="GN", num_groups=2)), False, False),
    ],
)
@torch.inference_mode()
def test_a_conv_module_keeps_what_cannot_be_fused(settings, fuses_norm, fuses_activation):
    model = randomize(nn.Sequential(ConvModule(3, 8, 3, **settings)))
    x = torch.randn(1, 3, 7, 7)
    expected = model(x)
    fuse(model, torch.float32)
    assert isinstance(model[0].conv, FusedConv2d)
    assert model[0].with_norm is not fuses_norm
    assert model[0].with_activation is not fuses_activation
    assert difference(model(x), expected) < 1e-5


@torch.inference_mode()
def test_other_orders_paddings_and_kinds_of_layers_are_left_alone():
    model = nn.Sequential(
        ConvModule(3, 3, 3, norm_cfg=dict(type="BN"), order=("norm", "conv", "act")),
        ConvModule(3, 3, 3, padding=1, padding_mode="reflect"),
        ConvModule(3, 3, 3, with_spectral_norm=True),
        nn.Conv2d(3, 3, 3, padding="same"),
        nn.Conv2d(3, 3, 3, padding=1, padding_mode="circular"),
        nn.ConvTranspose2d(3, 3, 2),
    )
    randomize(model)
    x = torch.randn(2, 3, 12, 12)
    expected = model(x)
    kept = copy.deepcopy(model)
    fuse(model, torch.float32)
    assert [type(one) for one in model] == [type(one) for one in kept]
    assert difference(model(x), expected) < 1e-5


@torch.inference_mode()
def test_the_scores_of_a_classifier_are_computed_in_float32():
    model = nn.Module()
    model.neck, model.head = nn.Linear(1024, 1024), nn.Sequential(nn.Linear(1024, 3))
    x = torch.randn(5, 1024)
    expected = model.head(x)
    fuse(model, torch.bfloat16)
    assert isinstance(model.neck, OwnDtypeLinear)
    with torch.autocast("cpu", torch.bfloat16):
        assert model.neck(x).dtype == torch.bfloat16
        assert (model.head(x) == expected).all()


def test_the_fused_operators_are_used_where_oneDNN_is_there():
    """A changed signature in PyTorch would otherwise only make inference slower."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("PyTorch is built without oneDNN")
    assert fused_layers.onednn_fuses(torch.float32)
    assert FusedConv2d(nn.Conv2d(3, 4, 1), None, False, torch.float32)._blocked is not None
