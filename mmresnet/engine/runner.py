"""mmengine's Runner, which loads weights by ``load_weights`` and reads a checkpoint once."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Mapping, Sized
from typing import TYPE_CHECKING, Any

import torch
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner as EngineRunner

from mmresnet.config.preflight.learning_rate import batches_per_step
from mmresnet.engine.compilation import compile_backbone
from mmresnet.engine.logical.conditions import choose_threads
from mmresnet.engine.logical.layout import layout_of
from mmresnet.engine.logical.wrapper import LogicalShards
from mmresnet.engine.narrow_maps import pad_narrow_maps
from mmresnet.engine.resume.order import cut_validation
from mmresnet.engine.sharding import training as sharding
from mmresnet.engine.shared_gradients import share_gradients
from mmresnet.engine.sync_bn import convert_sync_bn
from mmresnet.engine.terminal import summarize
from mmresnet.engine.trackers.sending import outlive_failures
from mmresnet.engine.watch.wrappers import without_wrapper
from mmresnet.errors import UserError
from mmresnet.models.backbones.residual_net import ResidualNet
from mmresnet.weights.in_mmengine import log_report
from mmresnet.weights.load import load_weights

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.logging import MMLogger
    from mmengine.optim import OptimWrapper
    from mmengine.runner import BaseLoop
    from mmengine.visualization import Visualizer
    from torch import nn
    from torch.utils.data import DataLoader

    from mmresnet.engine.sharding.replica import Replica
    from mmresnet.weights.coverage import Coverage

_LOOPS = ("EpochBasedTrainLoop", "IterBasedTrainLoop")  # mmengine's, of which there are ours


def check_neck(model: nn.Module) -> None:
    """Check that a neck for several feature maps gets those that it was built for.

    Raises:
        mmresnet.errors.UserError: The backbone gives others.
    """
    model = without_wrapper(model)
    backbone, neck = getattr(model, "backbone", None), getattr(model, "neck", None)
    wanted = getattr(neck, "in_channels", None)
    if not isinstance(backbone, ResidualNet) or not isinstance(wanted, (list, tuple)):
        return
    given = [_width(backbone.get_submodule(backbone.stage_names[i])) for i in backbone.out_indices]
    if sorted(wanted) != sorted(given):  # some begin with the smallest map
        raise UserError(
            f"model.neck.in_channels is {list(wanted)}, and the backbone gives maps of {given} "
            f"channels (out_indices={backbone.out_indices}): let them agree."
        )


def _width(stage: nn.Module) -> int:
    block = list(stage.children())[-1]
    convs: list[Any] = [m for name, m in block.named_children() if name.startswith("conv")]
    return convs[-1].out_channels


class Runner(EngineRunner):
    """A Runner that refuses checkpoints which would fill only a part of its model.

    Attributes:
        coverage: What a checkpoint has to fill, see :func:`mmresnet.weights.load.load_weights`.
        checkpoint: What the file at ``load_from`` holds, if it has been read already.
        initial_weights: What to begin with if there is no checkpoint to resume from.
        replica: What makes a whole model of a sharded one; None if the model is not sharded.
    """

    coverage: Coverage = "all"
    checkpoint: Mapping[str, Any] | None = None
    initial_weights: str | None = None
    replica: Replica | None = None

    @classmethod
    def from_cfg(
        cls, cfg: Config, coverage: Coverage = "all", checkpoint: Mapping[str, Any] | None = None
    ) -> Runner:
        """Build a Runner from a config."""
        runner = super().from_cfg(cfg)
        check_neck(runner.model)
        runner.coverage = coverage
        if not os.path.isdir(cfg.get("load_from") or ""):  # else each process reads its shards
            runner.checkpoint = checkpoint
        return runner

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader[Any] | dict[str, Any],
        seed: int | None = None,
        diff_rank_seed: bool = False,
    ) -> DataLoader[Any]:
        """Build a data loader.

        Raises:
            mmresnet.errors.UserError: It has no batch.
        """
        built = EngineRunner.build_dataloader(dataloader, seed, diff_rank_seed)
        if built.generator is None:  # else each iteration draws from the global one
            built.generator = torch.Generator()
        if isinstance(built.dataset, Sized) and len(built) == 0:
            raise UserError(
                f"A set of {len(built.dataset)} images fills no batch of {built.batch_size}, and "
                "drop_last leaves incomplete ones out: set a smaller batch_size, or "
                "drop_last=False of its data loader."
            )
        return built

    def build_visualizer(self, visualizer: Visualizer | dict[str, Any] | None = None) -> Visualizer:
        """Build mmengine's visualizer, with trackers whose failures the run outlives."""
        built = super().build_visualizer(visualizer)
        outlive_failures(built)
        return built

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """Put the model on its device, channels-last, and wrap it for several processes.

        Convolutions are fastest in this order of memory, and activations follow the weights.
        """
        model.to(memory_format=torch.channels_last)
        if get_device() == "cpu":
            pad_narrow_maps(model)
            if count := convert_sync_bn(model):
                kind = "MMSyncBN" if get_world_size() > 1 else "BN"
                self.logger.info(f"On the CPU, {count} layers of SyncBN become {kind}.")
        if sharding.shards(self.cfg):  # once it has its initial weights
            return sharding.place(self.cfg, model)
        layout = layout_of(self.cfg)
        if layout is None:
            return self._wrap_for_data_parallelism(model_wrapper_cfg, model)
        if get_device() == "cpu":
            torch.set_num_threads(choose_threads(layout.shards))
        return LogicalShards(model.to(get_device()), layout, lambda: self.seed)

    def _wrap_for_data_parallelism(
        self, settings: dict[str, Any] | None, model: nn.Module
    ) -> nn.Module:
        on_cpu = get_device() == "cpu"
        if settings is None and on_cpu:
            settings = {}
        if is_model_wrapper(model) or settings is None or "type" in settings:
            return super().wrap_model(settings, model)
        settings["type"] = "mmresnet.DistributedDataParallel"
        if self.cfg.get("find_unused_parameters"):
            settings.setdefault("find_unused_parameters", True)
        if on_cpu:  # else each gradient is copied out of its bucket
            settings.setdefault("gradient_as_bucket_view", True)
        wrapped = super().wrap_model(settings, model)
        if self.distributed and settings.get("gradient_compression") is None:
            share_gradients(wrapped)
        return wrapped

    def build_val_loop(self, loop: BaseLoop | dict[str, Any]) -> BaseLoop:
        """Build the validation loop; with logical shards, its batches are cut as well."""
        settings = self._val_dataloader
        built = super().build_val_loop(loop)
        if isinstance(self.model, LogicalShards):
            layout = self.model.layout
            built.dataloader = cut_validation(built.dataloader, settings, self.seed, layout)
        return built

    def scale_lr(
        self, optim_wrapper: OptimWrapper, auto_scale_lr: dict[str, Any] | None = None
    ) -> None:
        """Scale the learning rate by the images per step, if the config says so."""
        processes: int = self.world_size
        self._world_size = batches_per_step(self.cfg, processes)
        try:
            super().scale_lr(optim_wrapper, auto_scale_lr)
        finally:
            self._world_size = processes

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """Build the optimizer's wrapper; a model to be sharded is initialized and sharded before.

        Raises:
            UserError: The optimizer is one that sharded weights cannot have.
        """
        if sharding.shards(self.cfg) and self.replica is None:
            self._init_model_weights()
            sharding.shard(self)
        built = super().build_optim_wrapper(optim_wrapper)
        if self.replica is not None:
            sharding.check_optimizer(built)
        return built

    def _init_model_weights(self) -> None:
        if self.replica is None:  # else it is done
            super()._init_model_weights()

    def save_checkpoint(self, *args: Any, save_optimizer: bool = True, **kwargs: Any) -> None:
        """Save a checkpoint: in the first process, and in all that have shards of it."""
        save = super().save_checkpoint
        if self.replica is not None and save_optimizer:
            save = functools.partial(inspect.unwrap(EngineRunner.save_checkpoint), self)
        save(*args, save_optimizer=save_optimizer, **kwargs)

    def build_train_loop(self, loop: BaseLoop | dict[str, Any]) -> BaseLoop:
        """Build the training loop: in place of mmengine's, those that resume from any iteration."""
        if isinstance(loop, dict):
            loop = dict(loop)
            if "type" not in loop and "by_epoch" in loop:
                loop["type"] = _LOOPS[0 if loop.pop("by_epoch") else 1]
            elif str(loop.get("type")).removeprefix("mmengine.") in _LOOPS:
                loop["type"] = loop["type"].removeprefix("mmengine.")
            if loop.get("type") in _LOOPS:
                loop["type"] = f"mmresnet.{loop['type']}"
        return super().build_train_loop(loop)

    def _maybe_compile(self, target: str) -> None:
        """Compile the backbone for training, where that pays or the config says so.

        mmengine compiles the whole step with its Python, which breaks the graph many times.
        """
        if hasattr(without_wrapper(self.model), "backbone"):
            if target == "train_step":
                compile_backbone(self)
        elif self.cfg.get("compile") != "auto":
            super()._maybe_compile(target)

    def start_anew(self) -> None:
        """Begin with ``initial_weights`` instead of resuming."""
        self._resume, self._load_from = False, self.initial_weights
        self.coverage = "all_but_heads"

    def load_checkpoint(
        self, filename: str, map_location: Any = "cpu", *_: Any, **__: Any
    ) -> Mapping[str, Any]:
        """Load the weights of a checkpoint into the model, and return what it holds.

        Raises:
            mmresnet.errors.UserError: It cannot be read, or does not fill what ``coverage`` asks.
        """
        checkpoint, self.checkpoint = self.checkpoint, None
        if checkpoint is None:
            checkpoint = sharding.read_checkpoint(self, filename, map_location)
        self.call_hook("after_load_checkpoint", checkpoint=checkpoint)
        model = self.model
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        log_report(load_weights(model, checkpoint, coverage=self.coverage), self.logger)
        self._has_loaded = True
        return sharding.sharded_optimizer(self, checkpoint)


class QuietRunner(Runner):
    """A Runner that shows a summary of its log in the terminal."""

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build mmengine's logger, and filter what it writes to the terminal."""
        logger = super().build_logger(*args, **kwargs)
        self._terminal_filter = summarize(logger)
        return logger

    def test(self) -> dict[str, float]:
        """Test the model, and show the tables of its metrics."""
        self._terminal_filter.tables = True
        return super().test()
