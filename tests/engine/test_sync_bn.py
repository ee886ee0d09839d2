"""Synchronized BatchNorm on the CPU."""

import copy

import torch
from torch import nn

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
