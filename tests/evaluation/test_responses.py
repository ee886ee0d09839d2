"""Standard deviations of layer responses, against outputs that are computed layer by layer."""

import pytest
import torch
from torch import nn

from mmresnet.evaluation.responses import response_deviations
from mmresnet.models.backbones import CifarPlainNet, CifarResNet, ResNet


def images(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def with_random_statistics(net):
    generator = torch.Generator().manual_seed(1)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                tensor.uniform_(0.5, 2, generator=generator)
            for tensor in (module.bias.data, module.running_mean):
                tensor.normal_(generator=generator)
    return net


def test_a_value_by_hand():
    """The 3×3 sums: of a row of three ones between zeros, the middle sees 3 and the ends see 2.

    BN gives 2·(3-1) = 4 and twice 2·(2-1) = 2, before ReLU. Their mean is 8/3, that of their
    squares 24/3 = 8, and the deviation √(8 - 64/9) = √(8/9).
    """
    net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, bias=False), nn.BatchNorm2d(1), nn.ReLU())
    nn.init.ones_(net[0].weight)
    net[1].running_mean.fill_(1)
    net[1].weight.data.fill_(2)
    net[1].eps = 0
    (deviation,) = response_deviations(net, [torch.ones(1, 1, 1, 3)]).values()
    assert deviation == pytest.approx((8 / 9) ** 0.5)


@pytest.mark.parametrize("make", [CifarResNet, CifarPlainNet])
def test_every_3x3_layer_before_relu_and_addition(make):
    net = with_random_statistics(make(8)).eval()
    batches = [images(3, 3, 32, 32), images(2, 3, 32, 32) * 2]
    found = response_deviations(net, batches)

    expected = {}
    with torch.inference_mode():
        for batch in batches:
            x = net.bn1(net.conv1(batch))
            expected.setdefault("bn1", []).append(x)
            x = x.relu()
            for stage in (1, 2, 3):
                (block,) = net.get_submodule(f"layer{stage}")
                first = block.bn1(block.conv1(x))
                second = block.bn2(block.conv2(first.relu()))
                expected.setdefault(f"layer{stage}.0.bn1", []).append(first)
                expected.setdefault(f"layer{stage}.0.bn2", []).append(second)
                added = second if block.downsample is None else second + block.downsample(x)
                x = added.relu()
    assert list(found) == list(expected)  # 6n + 1 layers, in order of depth
    for name, outputs in expected.items():
        all_values = torch.cat([output.flatten() for output in outputs]).double()
        assert found[name] == pytest.approx(all_values.std(correction=0).item()), name


def test_a_bottleneck_has_one_3x3_layer():
    found = response_deviations(with_random_statistics(ResNet(50)), [images(1, 3, 64, 64)])
    blocks = [(stage, block) for stage, n in enumerate((3, 4, 6, 3), 1) for block in range(n)]
    assert list(found) == [f"layer{stage}.{block}.bn2" for stage, block in blocks]


def test_the_net_is_left_as_it_was():
    net = with_random_statistics(CifarResNet(8)).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    response_deviations(net, [images(2, 3, 32, 32)])
    assert net.training and net.layer1[0].bn1.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())


def test_a_wide_range_is_measured_exactly():
    """A mean of 10⁴ beside a deviation of 0.5: float32 sums of squares would lose it."""
    net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, bias=False), nn.BatchNorm2d(1, affine=False))
    nn.init.zeros_(net[0].weight)
    net[0].weight.data[0, 0, 1, 1] = 1
    net[1].eps = 0
    image = torch.full((1, 1, 64, 64), 10_000.0)
    image[..., ::2] += 1
    (deviation,) = response_deviations(net, [image]).values()
    assert deviation == pytest.approx(0.5, rel=1e-6)
