"""What else a config has to be with ``strategy=dict(type='mmresnet.FSDP2')``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmresnet.config.preflight.findings import Finding, raise_errors
from mmresnet.config.walk import type_name

if TYPE_CHECKING:
    from mmengine.config import Config

NAME = "FSDP2"
_WITHOUT = "Leave it out, or the strategy."


def configure(cfg: Config) -> None:
    """Complete a config that asks for shards: its checkpoint hook, optimizer and backbone.

    Raises:
        FoundErrors: The strategy is another, or something in the config does not go with it.
    """
    strategy = cfg.get("strategy")
    if not strategy:
        return
    raise_errors(list(_conflicts(cfg)))
    hooks = cfg.default_hooks
    if hooks.checkpoint:
        hooks.checkpoint["type"] = "mmresnet.ShardedCheckpointHook"
    optimizer = (cfg.get("optim_wrapper") or {}).get("optimizer") or {}
    if optimizer.get("type") == "SGD":  # torch 2.14 has no fused SGD for sharded tensors
        optimizer.setdefault("fused", False)
        optimizer.setdefault("foreach", True)
    if strategy.get("activation_checkpointing"):
        cfg.model.backbone["with_cp"] = True
    cfg.compile = False  # FSDP2's hooks would break the graph at each stage


def _conflicts(cfg: Config) -> Iterator[Finding]:
    strategy = cfg.strategy
    name = type_name(strategy) if isinstance(strategy, dict) else strategy
    if name != NAME:
        what = f"a run has the strategy 'mmresnet.{NAME}', and not {name!r}."
        yield Finding("strategy", what, f"Set strategy=dict(type='mmresnet.{NAME}').")
        return
    checkpoint = cfg.default_hooks.get("checkpoint")
    own = ("CheckpointHook", "ShardedCheckpointHook")
    if checkpoint and type_name(checkpoint) not in own:
        what = f"{checkpoint['type']} writes no checkpoints of shards."
        yield Finding("default_hooks.checkpoint.type", what, "Set mmresnet.CheckpointHook.")
    elif checkpoint and checkpoint.get("published_keys"):
        what = "checkpoints of shards are not published: 'mmresnet convert' makes files of them."
        yield Finding("default_hooks.checkpoint.published_keys", what, "Leave it out.")
    elif checkpoint and (checkpoint.get("backend_args") or checkpoint.get("file_client_args")):
        what = "checkpoints of shards are written to a file system alone."
        yield Finding("default_hooks.checkpoint.backend_args", what, "Leave it out.")
    for index, hook in enumerate(cfg.get("custom_hooks") or []):
        if type_name(hook) == "EMAHook":
            what = "EMAHook copies the whole model, and each process has a shard of it."
            yield Finding(f"custom_hooks.{index}", what, _WITHOUT)
    if cfg.get("compile") not in (None, "auto", False):
        yield Finding("compile", "a sharded backbone is not compiled.", _WITHOUT)
    optimizer = (cfg.get("optim_wrapper") or {}).get("optimizer") or {}
    if optimizer.get("type") == "SGD" and optimizer.get("fused"):
        what = "torch has no fused SGD for sharded weights."
        yield Finding("optim_wrapper.optimizer.fused", what, "Set it to False.")
    for key in ("logical_shards", "model_wrapper_cfg", "efficient_conv_bn_eval"):
        if cfg.get(key):
            yield Finding(key, f"it does not go with the strategy {NAME}.", _WITHOUT)
    if strategy.get("activation_checkpointing") and not (cfg.get("model") or {}).get("backbone"):
        what = "it is that of the model's backbone, and there is none."
        yield Finding("strategy.activation_checkpointing", what, "Leave it out.")
