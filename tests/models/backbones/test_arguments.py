"""Arguments of the backbones: errors, shapes, freezing and initialization."""

import copy
import pickle
import re

import pytest
import torch
from mmengine.registry import DefaultScope

from mmresnet.models.backbones import (
    CifarPlainNet,
    CifarResNet,
    PlainNet,
    PlainNet_CIFAR,
    ResNet,
    ResNet_CIFAR,
    ResNetV1d,
)
from mmresnet.registry import MODELS

MISTAKES = [
    (ResNet, dict(depth=51), "ResNet has no depth 51; its depths are 18, 34, 50, 101, 152."),
    (PlainNet, dict(depth=50), "its depths are 18, 34"),
    (PlainNet_CIFAR, dict(depth=18, deep_stem=True), "has no deep_stem"),
    (CifarResNet, dict(depth=21), "the nearest is 20"),
    (ResNet, dict(depth=18, style="tensorflow"), "must be 'pytorch' or 'caffe'"),
    (ResNet, dict(depth=18, style="cafe"), "Did you mean 'caffe'?"),
    (ResNet, dict(depth=18, out_indices=(0, 4)), "stages from 0 to 3"),
    (ResNet, dict(depth=18, out_indices=()), "stages from 0 to 3"),
    (ResNet, dict(depth=18, out_indices=3), "must be a tuple"),
    (ResNet, dict(depth=18, num_stages=5), "from 1 to 4"),
    (ResNet, dict(depth=18, strides=(1, 2)), "has 2 entries"),
    (ResNet, dict(depth=18, frozen_stages=5), "from -1"),
    (ResNet, dict(depth=18, base_channels=0), "at least 1"),
    (ResNet, dict(depth=18, in_channels="3"), "must be an integer"),
    (ResNet, dict(depth=18, expansion=4), "basic blocks"),
    (ResNet_CIFAR, dict(depth=18, deep_stem=True), "has no deep_stem"),
    (CifarPlainNet, dict(depth=20, avg_down=True), "has no avg_down"),
    (ResNet, dict(depth=50, plugins=[dict(cfg={}, position="after_conv4")]), "after_conv3"),
    (
        ResNet,
        dict(depth=50, plugins=[dict(cfg={}, position="after_conv1", stages=(True,))]),
        "there are 4 stages",
    ),
    (ResNet, dict(depth=50, dcn=dict(type="DCN"), stage_with_dcn=(True,)), "has 1 entries"),
    (ResNet, dict(depth=50, pretrained=0), "must be a path"),
    (ResNet, dict(depth=50, multi_grid=(1, 2)), "has 2 entries, and the last stage has 3 blocks"),
    (
        ResNet,
        dict(depth=18, plugins=[dict(cfg={}, position="after_conv1")]),
        "bottleneck blocks",
    ),
    (
        ResNet,
        dict(depth=18, pretrained="x.pth", init_cfg=dict(type="Kaiming", layer="Conv2d")),
        "give init_cfg alone",
    ),
]


@pytest.mark.parametrize(("net", "keywords", "message"), MISTAKES)
def test_error_messages(net: type, keywords: dict, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        net(**keywords)


def test_deformable_convolution_needs_no_installed_operators() -> None:
    keywords = dict(dcn=dict(type="DCNv2"), stage_with_dcn=(False, False, True, True))
    net = ResNet(depth=50, **keywords).eval()
    kinds = [type(getattr(net, f"layer{stage}")[0].conv2).__name__ for stage in (1, 2, 3, 4)]
    assert kinds == ["Conv2d", "Conv2d", "ModulatedDeformConv2dPack", "ModulatedDeformConv2dPack"]
    assert net(torch.zeros(1, 3, 64, 64))[0].shape == (1, 2048, 2, 2)
    keywords["dcn"]["fallback_on_stride"] = True  # mmdet's way to switch it off
    assert isinstance(ResNet(depth=50, **keywords).layer3[0].conv2, torch.nn.Conv2d)


def test_norm_layers_by_their_place_have_no_second_name_in_the_state_dict() -> None:
    """As in upstream's classes: ``norm1`` is ``bn1`` or ``gn1``."""
    net = ResNet(depth=50, norm_cfg=dict(type="GN", num_groups=4))
    block = net.layer1[0]
    assert net.norm1 is net.gn1
    assert (block.norm1, block.norm2, block.norm3) == (block.gn1, block.gn2, block.gn3)
    small = ResNet_CIFAR(depth=18)
    assert small.norm1 is small.bn1 and small.layer1[0].norm2 is small.layer1[0].bn2
    assert not hasattr(small.layer1[0], "norm3")  # a basic block has two
    assert not hasattr(ResNetV1d(depth=18), "norm1")
    assert not [name for name in (*net.state_dict(), *small.state_dict()) if "norm" in name]


@pytest.mark.parametrize("default_scope", ["mmengine", "mmpretrain", "mmresnet"])
def test_the_scope_of_a_layers_config_is_where_its_type_is_looked_up(default_scope: str) -> None:
    """mmengine adds ``_scope_`` to dicts of a base config of another package."""

    @MODELS.register_module(name="MarkedNorm")
    class MarkedNorm(torch.nn.BatchNorm2d):
        pass

    scoped = dict(type="MarkedNorm", _scope_="mmresnet")
    plugin = dict(type="ContextBlock", ratio=1 / 16, _scope_="mmresnet")
    try:
        with DefaultScope.overwrite_default_scope(default_scope):
            net = ResNetV1d(
                depth=50,
                norm_cfg=scoped,
                conv_cfg=dict(type="ConvWS", _scope_="mmresnet"),
                plugins=[dict(cfg=plugin, position="after_conv2")],
            )
            deformable = ResNet(
                depth=50,
                norm_cfg=dict(type="BN", _scope_="mmresnet"),  # found in mmengine's registry
                dcn=dict(type="DCN", _scope_="mmresnet"),
                stage_with_dcn=(True,) * 4,
            )
    finally:
        del MODELS.module_dict["MarkedNorm"]
    block = net.layer1[0]
    assert isinstance(block.norm1, MarkedNorm) and isinstance(net.stem[0].bn, MarkedNorm)
    assert type(block.conv2).__name__ == "ConvWS2d" and type(net.stem[0].conv) is type(block.conv2)
    assert type(block.context_block).__name__ == "ContextBlock"
    assert type(deformable.layer1[0].norm1) is torch.nn.BatchNorm2d
    assert type(deformable.layer1[0].conv2).__name__ == "DeformConv2dPack"
    assert scoped["_scope_"] == plugin["_scope_"] == "mmresnet"  # the config is left unchanged


def test_shapes_agree_with_the_docstrings() -> None:
    x = torch.zeros(1, 3, 224, 224)
    shapes = [tuple(y.shape) for y in ResNet(depth=50, out_indices=(0, 1, 2, 3)).eval()(x)]
    assert shapes == [(1, 256, 56, 56), (1, 512, 28, 28), (1, 1024, 14, 14), (1, 2048, 7, 7)]
    small = torch.zeros(1, 3, 32, 32)
    assert CifarResNet(depth=20).eval()(small)[0].shape == (1, 64, 8, 8)
    for net in (ResNet_CIFAR, PlainNet_CIFAR):
        assert net(depth=18).eval()(small)[0].shape == (1, 512, 4, 4)


def test_train_and_eval_return_the_net_and_frozen_stages_stay_frozen() -> None:
    net = ResNetV1d(depth=18, frozen_stages=1)
    assert net.eval() is net and net.train() is net
    frozen = [name for name, value in net.named_parameters() if not value.requires_grad]
    assert {name.split(".")[0] for name in frozen} == {"stem", "layer1"}
    assert not net.stem[0].bn.training and not net.layer1[0].bn1.training
    assert net.layer2[0].bn1.training
    before = {key: value.clone() for key, value in net.state_dict().items()}
    net(torch.randn(2, 3, 32, 32))[0].sum().backward()
    after = net.state_dict()
    changed = {key.split(".")[0] for key in after if not torch.equal(after[key], before[key])}
    assert changed == {"layer2", "layer3", "layer4"}  # running statistics


def test_norm_eval_keeps_the_statistics() -> None:
    net = ResNet(depth=18, norm_eval=True).train()
    before = net.layer4[1].bn2.running_mean.clone()
    net(torch.randn(2, 3, 32, 32))
    assert torch.equal(net.layer4[1].bn2.running_mean, before)
    assert net.layer4[1].training


def test_zero_init_makes_a_block_the_identity_but_not_in_plain_nets() -> None:
    net = ResNet(depth=18)
    net.init_weights()
    assert not net.layer1[0].bn2.weight.any()
    x = torch.rand(1, 64, 4, 4)
    assert torch.equal(net.eval().layer1[0](x), x)
    plain = PlainNet(depth=18)
    plain.init_weights()
    assert plain.layer1[0].bn2.weight.all()


def test_initializing_twice_keeps_learnt_weights() -> None:
    net = ResNet(depth=18)
    net.init_weights()
    torch.nn.init.ones_(net.layer1[0].bn2.weight)
    net.init_weights()
    assert net.layer1[0].bn2.weight.all()


def test_option_a_by_hand() -> None:
    shortcut = CifarResNet(depth=8).layer2[0].downsample
    x = torch.arange(16.0).reshape(1, 1, 4, 4).expand(1, 16, 4, 4)
    y = shortcut(x)
    assert y.shape == (1, 32, 2, 2)
    assert torch.equal(y[0, 8], torch.tensor([[0.0, 2.0], [8.0, 10.0]]))
    assert not y[0, :8].any() and not y[0, 24:].any()
    assert not list(shortcut.parameters())


def test_a_plain_net_is_its_residual_net_without_the_addition() -> None:
    residual, plain = CifarResNet(depth=20), CifarPlainNet(depth=20)
    assert list(plain.state_dict()) == list(residual.state_dict())
    block = plain.layer1[0].eval()
    x = torch.randn(1, 16, 4, 4)
    by_hand = block.bn2(block.conv2(block.bn1(block.conv1(x)).relu())).relu()
    assert torch.equal(block(x), by_hand)


def test_layer_depths_follow_the_structure() -> None:
    net = ResNet(depth=50)
    total = 3 + 4 + 6 + 3 + 2
    assert net.get_layer_depth("backbone.conv1.weight", "backbone.") == (0, total)
    assert net.get_layer_depth("backbone.layer1.0.conv1.weight", "backbone.") == (1, total)
    assert net.get_layer_depth("backbone.layer4.2.bn3.bias", "backbone.") == (16, total)
    assert net.get_layer_depth("head.fc.weight", "backbone.") == (17, total)


def test_a_net_can_be_copied_and_pickled() -> None:
    net = ResNet(depth=18, with_cp=True).eval()
    x = torch.randn(1, 3, 32, 32)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(other(x)[0], net(x)[0])
        assert other.layer1[0].conv1 is not net.layer1[0].conv1
