"""Values of the shards beside gradients: BatchNorm's statistics and what is logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mmresnet.engine.logical.tree import LocalTree, ProcessTree
from mmresnet.errors import UserError


class ShardValues:
    """Means over all shards of a model's floating-point buffers and of the logged values.

    Each shard of a step begins with the buffers that the step began with. Afterwards they are the
    mean of what the shards have made of them: BatchNorm's running statistics ``r`` with momentum
    ``m`` become ``(1 - m) r + m b``, where ``b`` is the mean of the statistics of the shards'
    batches. Sums are in float64. Buffers of integers, which count steps, are those of any shard.
    """

    def __init__(self, model: nn.Module, tree: ProcessTree) -> None:
        self._model, self._tree = model, tree
        self._sums: LocalTree[Tensor] = LocalTree(torch.add)
        self._logged: Mapping[str, Tensor] = {}
        self._at_start: list[Tensor] = []

    def begin(self) -> None:
        """Begin a step."""
        self._at_start = [buffer.clone() for buffer in self._model.buffers()]

    def begin_shard(self) -> None:
        """Let the model have the buffers that the step began with."""
        for buffer, value in zip(self._model.buffers(), self._at_start, strict=True):
            buffer.copy_(value)

    def add(self, logged: Mapping[str, Tensor]) -> None:
        """Add a shard's buffers and its logged values, scalars."""
        if self._logged and list(self._logged) != list(logged):
            raise UserError(
                f"With logical_shards, every shard logs the same values: one has "
                f"{', '.join(self._logged)}, another {', '.join(logged)}."
            )
        self._logged = logged
        self._sums.push(_flat([*self._floating(), *logged.values()]))

    def finish(self, used: Sequence[bool], shards: int) -> tuple[dict[str, Tensor], list[bool]]:
        """Set the buffers, and return the mean of what was logged, and what any process uses.

        Args:
            used: For each parameter, whether a shard of this process has a gradient of it.
            shards: Of the run.
        """
        sums = self._sums.pop()
        flags = torch.tensor(used, dtype=sums.dtype).to(sums.device)
        together = torch.cat([sums, flags])
        self._tree.add(together)
        sums, flags = together.split([len(sums), len(flags)])
        means = sums / shards  # a power of two
        position = 0
        for buffer in self._floating():
            buffer.copy_(means[position : position + buffer.numel()].view(buffer.shape))
            position += buffer.numel()
        logged = dict(zip(self._logged, means[position:].float().unbind(), strict=True))
        self._logged = {}
        if not all(used):  # else nothing has to be read from the device
            used = (flags > 0).tolist()
        return logged, list(used)

    def _floating(self) -> list[Tensor]:
        return [buffer for buffer in self._model.buffers() if buffer.is_floating_point()]


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([one.detach().reshape(-1).to(torch.float64) for one in tensors])
