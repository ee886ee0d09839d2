"""Whole tensors for models whose weights are sharded by torch's FSDP2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


def is_shard(tensor: object) -> bool:
    """Return whether a tensor is a DTensor, of which this process has a part."""
    return isinstance(tensor, Tensor) and hasattr(tensor, "placements")  # without importing it


def own_part(tensor: Any) -> Tensor:
    """Return the part of a shard that this process has, and another tensor as it is."""
    return tensor.to_local() if is_shard(tensor) else tensor


def shard_like(parameter: Tensor, value: Any) -> Any:
    """Return this process's part of ``value`` if it is a whole tensor of a sharded parameter."""
    if not (is_shard(parameter) and isinstance(value, Tensor) and not is_shard(value)):
        return value
    if value.shape != parameter.shape:  # as the number of an optimizer's steps
        return value
    from torch.distributed.tensor import distribute_tensor

    like: Any = parameter
    whole = value.detach().to(like.device).contiguous()
    return distribute_tensor(whole, like.device_mesh, like.placements, src_data_rank=None)


def shard_state(model: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict with the parts of this process in the place of whole tensors."""
    own = dict(model.named_parameters())
    return {k: shard_like(own[k], v) if k in own else v for k, v in state.items()}
