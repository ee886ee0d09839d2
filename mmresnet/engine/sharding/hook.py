"""Checkpoints of a sharded training."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from mmengine.dist import is_main_process
from torch import distributed
from torch.distributed.tensor import DTensor

from mmresnet.atomic import remove_partial_files
from mmresnet.engine.checkpoints.hook import CheckpointHook
from mmresnet.engine.sharding.write import remove_folder, write_sharded
from mmresnet.registry import HOOKS
from mmresnet.weights.formats.sharded import SUFFIX, is_sharded, split

if TYPE_CHECKING:
    from mmengine.runner import Runner

    from mmresnet.engine.checkpoints.writer import Save


@HOOKS.register_module()
class ShardedCheckpointHook(CheckpointHook):
    """:class:`CheckpointHook` whose processes write their shards: ``epoch_1.dcp``, a folder.

    Configs with ``strategy=dict(type='mmresnet.FSDP2')`` get it in place of ``CheckpointHook``. The
    best weights and the last ones are plain files as ever, and so is everything if there is a
    single process.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._group: Any = None  # of the threads that write; None without shards

    def before_train(self, runner: Runner) -> None:
        """Begin, and remove what a killed process has left."""
        super().before_train(runner)
        if getattr(runner, "replica", None) is None:
            return
        self._group = distributed.new_group(backend="gloo")  # files are written from the CPU
        if is_main_process():
            for path in remove_partial_files(str(self.out_dir), f"*{SUFFIX}"):
                runner.logger.info(f"Removed '{path}', which a killed process has left.")

    def save_weights(self, runner: Runner, name: str) -> None:
        """Save the whole weights, and nothing else, in the folder ``weights``."""
        replica: Any = getattr(runner, "replica", None)
        if replica is None:
            super().save_weights(runner, name)
            return
        sharded = runner.model
        with replica.filled() as runner.model:
            super().save_weights(runner, name)
        runner.model = sharded

    def _name(self, name: str) -> str:
        return name if self._group is None else name.removesuffix(".pth") + SUFFIX

    def _add(self, checkpoint: Mapping[str, Any], filename: str, *args: Any, **kwargs: Any) -> None:
        state, tensors = split(checkpoint, lambda part: isinstance(part, DTensor))
        if not tensors:
            super()._add(checkpoint, filename, *args, **kwargs)
            return
        assert self._open is not None
        state = self._copies.copy(state) if is_main_process() else None
        own = {name: one.detach().to("cpu", copy=True) for name, one in tensors.items()}
        self._open.files[filename] = partial(write_sharded, filename, own, state, self._group)

    def _submit(self, save: Save) -> None:
        if not is_main_process():  # whose files these are
            save.marker, save.expired, save.extra = None, {}, {}
        super()._submit(save)

    def _remove(self, path: str) -> None:
        if is_sharded(path):
            remove_folder(path)
        else:
            super()._remove(path)
