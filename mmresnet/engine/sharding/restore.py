"""Reading a checkpoint, sharded by any number of processes, into a sharded run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mmresnet.weights.checkpoint import Origin, with_origin
from mmresnet.weights.formats.sharded import join, read_state, read_tensors, shapes

if TYPE_CHECKING:
    from mmengine.runner import Runner


def read_shards(runner: Runner, folder: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Return the checkpoint of a folder, of whose tensors this process reads its own shards.

    Raises:
        UserError: It cannot be read.
    """
    known, targets = shapes(folder), dict[str, Tensor]()
    named = dict(runner.model.named_parameters())
    groups = runner.optim_wrapper.optimizer.param_groups
    ordered = [parameter for group in groups for parameter in group["params"]]

    def parameter_of(path: tuple[Any, ...]) -> Tensor | None:
        """Return that whose value, gradient or momentum stands at ``path``."""
        if path[:2] == ("optimizer", "state"):
            return ordered[path[2]] if path[2] < len(ordered) else None
        return named.get(path[-1])

    def target(name: str, path: tuple[Any, ...]) -> Tensor:
        like, one = parameter_of(path), known[name]
        dtype = one.properties.dtype
        if like is not None and like.shape == one.size:
            targets[name] = torch.empty_like(like, dtype=dtype, requires_grad=False)
        else:
            targets[name] = torch.empty(one.size, dtype=dtype)
        return targets[name]

    content = join(read_state(folder), target)
    read_tensors(folder, targets)
    return with_origin(content, Origin(str(folder)))
