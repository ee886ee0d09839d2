"""The buffers of a process are joined in a checkpoint, and are found again by name."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmresnet.engine.resume import state


def net(seed: int) -> nn.Module:
    model = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.BatchNorm2d(5))
    generator = torch.Generator().manual_seed(seed)
    for number, (_, buffer) in enumerate(model.named_buffers()):
        buffer.copy_(torch.randint(100, buffer.shape, generator=generator) + number)
    return model


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "of older checkpoints"])
def test_buffers_are_restored(packed: bool) -> None:
    runner, other = (SimpleNamespace(model=net(seed), hooks=[]) for seed in (1, 2))
    buffers = state._buffers(runner)
    saved = state._pack(buffers) if packed else buffers
    assert len(saved) == (2 if packed else 6)  # float32 and int64
    state._load_buffers(other, saved)
    for name, buffer in other.model.named_buffers():
        torch.testing.assert_close(buffer, buffers[f"model.{name}"], rtol=0, atol=0)


def test_buffers_of_another_model_are_left_out() -> None:
    small = SimpleNamespace(model=net(1)[:2], hooks=[])
    large = SimpleNamespace(model=net(2), hooks=[])
    before = large.model[2].running_mean.clone()
    state._load_buffers(large, state._pack(state._buffers(small)))
    assert torch.equal(large.model[1].running_mean, small.model[1].running_mean)
    assert torch.equal(large.model[2].running_mean, before)
