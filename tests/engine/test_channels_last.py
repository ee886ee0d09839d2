"""The hook changes the memory format of a model, and nothing else."""

from types import SimpleNamespace

import torch
from mmengine.registry import HOOKS

import mmresnet.registry  # noqa: F401
from mmresnet.models.backbones import ResNet


def test_weights_and_activations_are_channels_last_and_outputs_agree():
    torch.manual_seed(0)
    net = ResNet(18, base_channels=8, stem_channels=8).eval()
    x = torch.randn(2, 3, 64, 64)
    before, keys = net(x)[0], list(net.state_dict())
    hook = HOOKS.build(dict(type="mmresnet.ChannelsLastHook"))
    hook.before_run(SimpleNamespace(model=net))
    assert net.layer1[0].conv1.weight.is_contiguous(memory_format=torch.channels_last)
    assert not before.is_contiguous(memory_format=torch.channels_last)
    (after,) = net(x)
    assert after.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(after, before)
    assert list(net.state_dict()) == keys
