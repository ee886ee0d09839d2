"""Options A, B and C of the paper (Sec. 4.1): parameters, outputs, names, loading, mistakes."""

import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmresnet.errors import UserError
from mmresnet.models.backbones import (
    CifarResNet,
    PlainNet,
    PlainNet_CIFAR,
    ResNet,
    ResNet_CIFAR,
    ResNetV1d,
)
from mmresnet.weights import load_weights

torchvision = pytest.importorskip("torchvision")


def parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())


def projections(net):
    names = (re.fullmatch(r"(layer\d\.\d+)\.downsample\.0\.weight", n) for n in net.state_dict())
    return [name[1] for name in names if name]


def test_option_c_of_resnet_34_has_thirteen_more_projections_than_b():
    """Sec. 4.1. Each has c² weights and 2c of BatchNorm: 3 of 64, 3 of 128, 5 of 256, 2 of 512."""
    b, c = ResNet(34), ResNet(34, shortcut="C")
    assert projections(b) == ["layer2.0", "layer3.0", "layer4.0"]
    assert len(projections(c)) == 16 == 3 + 13
    added = 3 * (64**2 + 128) + 3 * (128**2 + 256) + 5 * (256**2 + 512) + 2 * (512**2 + 1024)
    assert parameters(c) - parameters(b) == added == 919_168


@pytest.mark.parametrize("depth", [18, 34])
@pytest.mark.parametrize(("plain_net", "net"), [(PlainNet, ResNet), (PlainNet_CIFAR, ResNet_CIFAR)])
def test_option_a_has_the_parameters_of_the_plain_net(plain_net, net, depth):
    """Table 2: "no extra parameter compared to their plain counterparts"."""
    plain, a = plain_net(depth), net(depth, shortcut="A")
    assert list(a.state_dict()) == list(plain.state_dict())
    assert parameters(a) == parameters(plain)


class Padded(nn.Module):
    """Option A, written out: every other pixel, zeros before and after the channels."""

    def __init__(self, outputs, stride):
        super().__init__()
        self.outputs, self.stride = outputs, stride

    def forward(self, x):
        x = x[..., :: self.stride, :: self.stride]
        result = x.new_zeros(x.shape[0], self.outputs, *x.shape[2:])
        first = (self.outputs - x.shape[1]) // 2
        result[:, first : first + x.shape[1]] = x
        return result


def with_other_shortcuts(net, option):
    """Give torchvision's net the shortcuts of option A or C."""
    for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
        for block in stage:
            last = block.conv3 if hasattr(block, "conv3") else block.conv2
            inputs, outputs, stride = block.conv1.in_channels, last.out_channels, block.stride
            if option == "C":
                conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
                block.downsample = nn.Sequential(conv, nn.BatchNorm2d(outputs))
            elif block.downsample is not None:
                block.downsample = Padded(outputs, stride)
    return net


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("option", ["A", "C"])
def test_outputs_and_gradients_equal_torchvisions_with_these_shortcuts(depth, option):
    theirs = with_other_shortcuts(getattr(torchvision.models, f"resnet{depth}")(), option)
    theirs.fc = nn.Identity()
    ours = ResNet(depth, shortcut=option)
    ours.load_state_dict(theirs.state_dict())
    image = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    pairs = []
    for net in (ours, theirs):
        net.train()
        result = net(image)
        result = F.adaptive_avg_pool2d(result[0], 1).flatten(1) if net is ours else result
        result.square().sum().backward()
        pairs.append((result, net.conv1.weight.grad))
    torch.testing.assert_close(pairs[0], pairs[1])


@pytest.mark.parametrize("option", ["A", "B", "C"])
def test_a_file_of_each_option_is_recognised_and_fills_its_net(option, tmp_path):
    source, target = ResNet(34, shortcut=option), ResNet(34, shortcut=option)
    torch.save(source.state_dict(), tmp_path / "net.pth")
    report = load_weights(target, str(tmp_path / "net.pth"))
    assert "ResNet-34" in str(report)
    for name, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], value), name


@pytest.mark.parametrize(("file", "net"), [("A", "B"), ("B", "C")])
def test_a_file_that_lacks_projections_is_refused(file, net, tmp_path):
    torch.save(ResNet(18, shortcut=file).state_dict(), tmp_path / "net.pth")
    with pytest.raises(UserError, match=r"layer\d\.\d\.downsample"):
        load_weights(ResNet(18, shortcut=net), str(tmp_path / "net.pth"))


def test_the_default_is_b_and_for_cifar_a():
    assert list(ResNet(18).state_dict()) == list(ResNet(18, shortcut="B").state_dict())
    assert projections(CifarResNet(20)) == []
    assert projections(CifarResNet(20, shortcut="B")) == ["layer2.0", "layer3.0"]
    assert len(projections(CifarResNet(20, shortcut="C"))) == 9


def test_option_d_is_avg_down():
    by_keyword = ResNet(50, shortcut="D")
    assert isinstance(by_keyword.layer2[0].downsample[0], nn.AvgPool2d)
    assert list(by_keyword.state_dict()) == list(ResNet(50, avg_down=True).state_dict())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ResNet(18, shortcut="a"), "ResNet: shortcut='a' must be 'B' or 'A' or 'C' or 'D'"),
        (lambda: PlainNet(18, shortcut="A"), "PlainNet: shortcut='A' must be 'none'."),
        (lambda: ResNetV1d(50, shortcut="C"), "contradict each other"),
        (lambda: CifarResNet(20, shortcut="D"), "must be 'A' or 'B' or 'C'."),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
