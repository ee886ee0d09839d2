"""The model of a run that is cut into logical shards."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor, nn

from mmresnet.engine.logical.batches import split
from mmresnet.engine.logical.gradients import Gradients
from mmresnet.engine.logical.layout import Layout
from mmresnet.engine.logical.tree import ProcessTree
from mmresnet.engine.logical.values import ShardValues
from mmresnet.engine.random_state import fork_rng
from mmresnet.errors import UserError
from mmresnet.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class LogicalShards(nn.Module):
    """A model whose training steps have the same bits for any number of processes.

    A process computes its shards one after the other, each as a process of data parallelism would:
    its own batch statistics, random numbers and loss. Gradients, running statistics and logged
    values are added over all shards in a binary tree (see :class:`Layout`).

    Args:
        module: On its device.
        layout: Of the shards.
        seed: Returns the seed of the run, from which the seed of each step of a shard is made.

    Raises:
        UserError: The model has a ``train_step`` of its own.
    """

    def __init__(self, module: BaseModel, layout: Layout, seed: Callable[[], int]) -> None:
        super().__init__()
        if type(module).train_step is not BaseModel.train_step:
            raise UserError(
                f"{type(module).__name__} computes training steps in its own way, which "
                "logical_shards cannot cut: leave logical_shards out."
            )
        self.module: BaseModel = module
        self.layout = layout
        self._seed = seed
        self._tree = ProcessTree(layout)
        self._values = ShardValues(module, self._tree)
        self._gradients: Gradients | None = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the model does."""
        return self.module(*args, **kwargs)

    def val_step(self, data: Any) -> list[Any]:
        """Return the model's predictions, those of each shard computed by themselves.

        Args:
            data: A batch with the images of this process's shards in turn.
        """
        predicted = [self.module.val_step(batch) for batch in self.of_shards(data)]
        return [one for of_images in zip(*predicted, strict=True) for one in of_images]

    def of_shards(self, data: Any) -> list[Any]:
        """Return the batches of the shards from one of a validation."""
        return split(data, len(self.layout.own), in_turn=True)

    def test_step(self, data: Any) -> Any:
        """Return the model's predictions."""
        return self.module.test_step(data)

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, Tensor]:
        """Compute the gradients of all shards, let the optimizer step, and return the mean losses.

        Args:
            data: A batch with the images of this process's shards, one shard after the other.
            optim_wrapper: mmengine's or ours, of a single optimizer.
        """
        gradients = self._current_gradients()
        accumulated = [one.grad for one in gradients.parameters]
        for parameter in gradients.parameters:
            parameter.grad = None
        step = optim_wrapper._inner_count
        self._values.begin()
        for shard, batch in zip(self.layout.own, split(data, len(self.layout.own)), strict=True):
            optim_wrapper._inner_count = step  # which each backward pass counts on
            gradients.begin()
            self._compute(shard, step, batch, optim_wrapper)
            gradients.end()
        sums, used = gradients.finish()
        logged, used = self._values.finish(used, self.layout.shards)
        updates = optim_wrapper.should_update()
        for parameter, total, is_used, before in zip(
            gradients.parameters, sums, used, accumulated, strict=True
        ):
            if not is_used:
                parameter.grad = before
            elif before is not None:
                parameter.grad = before.add_(total)
            else:  # the sums are overwritten in the next step
                parameter.grad = total if updates else total.clone()
        if updates:
            optim_wrapper.step()
            optim_wrapper.zero_grad()
        return logged

    def _compute(self, shard: int, step: int, batch: Any, optim_wrapper: Any) -> None:
        """Compute the forward and backward pass of a shard."""
        module = self.module
        seed = _seed_of(self._seed(), step, shard)
        self._values.begin_shard()
        with fork_rng(seed), self._tree.alone():
            with optim_wrapper.optim_context(module):
                losses = module._run_forward(module.data_preprocessor(batch, True), mode="loss")
            loss, logged = module.parse_losses(losses)
            # a power of two: nothing is rounded
            optim_wrapper.backward(optim_wrapper.scale_loss(loss) / self.layout.shards)
        self._values.add(logged)

    def _current_gradients(self) -> Gradients:
        """Return the gradients; anew where a hook has frozen or released parameters."""
        trained = [one for one in self.module.parameters() if one.requires_grad]
        known = self._gradients
        if known is None or list(map(id, known.parameters)) != list(map(id, trained)):
            if known is not None:
                known.close()
            self._gradients = known = Gradients(trained, len(self.layout.own), self._tree)
        return known


def _seed_of(*key: int) -> int:
    """Return 32 bits, a hash of the key: NumPy takes no more."""
    digest = hashlib.blake2b(struct.pack(f"<{len(key)}Q", *key), digest_size=4).digest()
    return int.from_bytes(digest, "little")
