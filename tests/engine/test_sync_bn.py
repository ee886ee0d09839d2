"""Synchronized BatchNorm on the CPU."""

import copy

import torch
import torch.distributed as dist
from torch import nn

from mmresnet.engine import sync_bn
from mmresnet.engine.sync_bn import convert_sync_bn


def test_in_one_process_it_becomes_batchnorm():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()))
    images = torch.randn(2, 3, 5, 5)
    plain(images)  # so that statistics and weights differ from the initial ones
    nn.init.uniform_(plain[1][0].weight)
    synchronized = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(plain))
    parameters = list(synchronized.parameters())

    assert convert_sync_bn(synchronized) == 1
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in synchronized.modules())
    assert [id(p) for p in synchronized.parameters()] == [id(p) for p in parameters]
    assert torch.equal(synchronized(images), plain(images))
    assert torch.equal(synchronized[1][0].running_var, plain[1][0].running_var)
    assert convert_sync_bn(synchronized) == 0


def test_for_several_processes_no_random_number_is_drawn(monkeypatch):
    """So that the draws after it are those of a single process."""
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.SyncBatchNorm(4))
    weight = nn.init.uniform_(model[1].weight)
    monkeypatch.setattr(sync_bn, "get_world_size", lambda: 2)
    before = torch.get_rng_state()
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        assert convert_sync_bn(model) == 1
    finally:
        dist.destroy_process_group()
    assert type(model[1]).__name__ == "SyncBatchNorm"
    assert not isinstance(model[1], nn.SyncBatchNorm)
    assert torch.equal(model[1].weight, weight)
    assert torch.equal(torch.get_rng_state(), before)
