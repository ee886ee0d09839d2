"""Synchronized BatchNorm on the CPU."""

from __future__ import annotations

import torch
from mmengine.dist import get_world_size
from mmengine.model import convert_sync_batchnorm, revert_sync_batchnorm
from torch import nn


def convert_sync_bn(model: nn.Module) -> int:
    """Let a model with torch's synchronized BatchNorm, which is for GPUs, run on the CPU.

    In one process the layers become plain ones, and in several mmcv's (``MMSyncBN``), which
    computes the same. Parameters and statistics, and their names, stay as they are.

    Returns:
        The number of layers that were converted.
    """
    count = 0
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.SyncBatchNorm):
                plain = revert_sync_batchnorm(layer)
                if get_world_size() > 1:
                    with torch.random.fork_rng(devices=()):  # its constructor draws weights
                        plain = convert_sync_batchnorm(plain, "mmcv")
                parent.add_module(name, plain)
                count += 1
    return count
