"""What a Runner does for a sharded training, beside its steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.model import convert_sync_batchnorm
from mmengine.optim import OptimWrapperDict

from mmresnet.engine.sharding.validation import WholeModelHook
from mmresnet.errors import UserError
from mmresnet.registry import STRATEGIES
from mmresnet.weights.checkpoint import read
from mmresnet.weights.sharded_models import is_shard, shard_like

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import nn


def shards(cfg: Config) -> bool:
    """Return whether a training is sharded: its config says so, and it has several processes."""
    return bool(cfg.get("strategy")) and get_world_size() > 1


def place(cfg: Config, model: nn.Module) -> nn.Module:
    """Put a model on its device, without a wrapper for data parallelism."""
    model = model.to(get_device())
    return convert_sync_batchnorm(model, cfg.sync_bn) if cfg.get("sync_bn") else model


def shard(runner: Any) -> None:
    """Shard the model of a Runner, which has its initial weights."""
    strategy = STRATEGIES.build(dict(runner.cfg.strategy))
    runner.replica = strategy.shard(runner.model)
    runner.register_hook(WholeModelHook(runner.replica))


def check_optimizer(optim_wrapper: Any) -> None:
    """Check that sharded weights can be trained by an optimizer.

    Raises:
        UserError: There are several optimizers, or the loss is scaled.
    """
    if isinstance(optim_wrapper, OptimWrapperDict):
        raise UserError("The strategy FSDP2 is for one optimizer, and optim_wrapper has several.")
    if getattr(optim_wrapper, "loss_scaler", None) is not None:
        raise UserError(
            "The strategy FSDP2 computes in float32 or bfloat16, and not in float16, whose loss is "
            "scaled: give --precision bfloat16 or float32."
        )


def read_checkpoint(runner: Any, source: str, map_location: Any) -> Mapping[str, Any]:
    """Return a checkpoint; of a sharded one, a sharded Runner reads the shards of its process."""
    if runner.replica is not None and Path(source).is_dir():
        from mmresnet.engine.sharding.restore import read_shards

        return read_shards(runner, source)
    return read(source, map_location)


def sharded_optimizer(runner: Any, checkpoint: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a checkpoint with the optimizer's state of this process, as the Runner's is."""
    if runner.replica is None or "optimizer" not in checkpoint:
        return checkpoint
    groups = runner.optim_wrapper.optimizer.param_groups
    parameters = [parameter for group in groups for parameter in group["params"]]
    state = {
        index: {name: shard_like(parameters[index], value) for name, value in one.items()}
        for index, one in checkpoint["optimizer"]["state"].items()
    }
    return {**checkpoint, "optimizer": {**checkpoint["optimizer"], "state": state}}


def gradient_norm(norms: torch.Tensor, gradients: list[torch.Tensor]) -> torch.Tensor:
    """Return the norm of gradients from the norms of those that this process has."""
    norm = torch.linalg.vector_norm(norms)
    if not is_shard(gradients[0]):
        return norm
    squared = norm.square()
    torch.distributed.all_reduce(squared)
    return squared.sqrt()
