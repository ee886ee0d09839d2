"""Activation checkpointing, ``with_cp``, changes memory and time, and no number."""

import pytest
import torch

from mmresnet.models.backbones import CifarResNet, ResNet


@pytest.mark.parametrize(
    ("kind", "keywords"),
    [
        pytest.param(CifarResNet, dict(depth=20), id="basic blocks"),
        pytest.param(ResNet, dict(depth=50, base_channels=8, stem_channels=8), id="bottlenecks"),
        pytest.param(
            *(CifarResNet, dict(depth=1202, base_channels=4)),
            marks=pytest.mark.full,
            id="1202 layers",
        ),
    ],
)
def test_outputs_gradients_and_statistics_are_the_same(kind, keywords):
    torch.manual_seed(0)
    net = kind(**keywords)
    other = kind(**keywords, with_cp=True)
    other.load_state_dict(net.state_dict())
    x = torch.randn(2, 3, 32, 32)
    outputs = [one.train()(x)[-1] for one in (net, other)]
    assert torch.equal(*outputs)
    for output in outputs:
        output.square().mean().backward()
    for (name, a), b in zip(net.named_parameters(), other.parameters(), strict=True):
        assert a.grad is not None, name
        assert torch.equal(a.grad, b.grad), name
    for (name, a), b in zip(net.named_buffers(), other.buffers(), strict=True):
        assert torch.equal(a, b), name


def test_fewer_activations_are_kept():
    def kept(**keywords):
        sizes = []

        def pack(tensor):
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            CifarResNet(20, **keywords).train()(torch.randn(2, 3, 32, 32))
        return sum(sizes)

    assert kept(with_cp=True) < kept() / 2
