"""Fully sharded data parallelism: each process keeps a part of each tensor that is trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import get_world_size
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from mmresnet.engine.sharding.replica import Replica
from mmresnet.errors import UserError, did_you_mean
from mmresnet.models.backbones.residual_net import ResidualNet
from mmresnet.registry import STRATEGIES

# Weights of a stage that are gathered at once: a gathered group takes several times its size, with
# its gradients and what is sent. The third stage of ResNet-152 has 40 M.
_LARGE = 4_000_000
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@STRATEGIES.register_module()
class FSDP2:
    """Shard weights, gradients and the optimizer's state with torch's ``fully_shard``.

    ``strategy=dict(type='mmresnet.FSDP2')`` at the top of a config is read by ``mmresnet train`` in
    place of data parallelism; mmengine's FlexibleRunner does not take it. Each stage of the
    backbone, or each block of a stage of more than 4 M weights, is a group whose weights are
    gathered when it is computed, forward and backward, and freed after that; the stem, necks and
    heads are one more group, which is kept between the two.

    Weights are gathered in float32 and computed with under autocast, as without shards, so that
    losses are the same; FSDP2 would cast the weights of BatchNorm as well, which has no kernel for
    statistics of another type.

    Args:
        reshard_after_forward: Free the weights of a group after its forward pass, and gather them
            again for the backward pass. False needs more memory, and sends a third less.
        reduce_dtype: "float32", or "bfloat16" to send gradients in half as many bytes.
        activation_checkpointing: Keep the input of each residual block alone, and compute it again
            in the backward pass: ``with_cp`` of the backbone.

    Raises:
        UserError: ``reduce_dtype`` is another.
    """

    def __init__(
        self,
        reshard_after_forward: bool = True,
        reduce_dtype: str = "float32",
        activation_checkpointing: bool = False,
    ) -> None:
        if reduce_dtype not in _DTYPES:
            raise UserError(
                f"strategy.reduce_dtype is {' or '.join(_DTYPES)}, not {reduce_dtype!r}."
                f"{did_you_mean(reduce_dtype, _DTYPES)}"
            )
        self.reshard_after_forward = reshard_after_forward
        self.reduce_dtype = _DTYPES[reduce_dtype]
        self.activation_checkpointing = activation_checkpointing

    def shard(self, model: nn.Module) -> Replica:
        """Shard a model with its initial weights in place; all processes call this.

        Returns:
            What makes a whole model of it, for validation.
        """
        model.to(memory_format=torch.contiguous_format)  # the only one that FSDP2 knows
        replica = Replica(model)
        settings: dict[str, Any] = {
            "mesh": init_device_mesh(torch.device(get_device()).type, (get_world_size(),)),
            "mp_policy": MixedPrecisionPolicy(
                reduce_dtype=self.reduce_dtype, cast_forward_inputs=False
            ),
        }
        for net in [one for one in model.modules() if isinstance(one, ResidualNet)]:
            net.register_forward_pre_hook(_to_channels_last)
            for group in _groups(net):
                fully_shard(group, reshard_after_forward=self.reshard_after_forward, **settings)
        fully_shard(model, **settings)
        return replica


def _groups(net: ResidualNet) -> Iterator[nn.Module]:
    """Yield the modules whose weights are gathered together."""
    for name in net.stage_names:
        stage = net.get_submodule(name)
        if sum(parameter.numel() for parameter in stage.parameters()) > _LARGE:
            yield from stage.children()
        else:
            yield stage


def _to_channels_last(net: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Any, ...]:
    """Convert images, which otherwise follow the order of the weights."""
    return (inputs[0].contiguous(memory_format=torch.channels_last), *inputs[1:])
