"""Settings that do not go together with ``logical_shards``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mmresnet.config.preflight.findings import Finding
from mmresnet.config.walk import dotted, type_name, walk

if TYPE_CHECKING:
    from mmengine.config import Config

_SYNC_BN = ("SyncBN", "MMSyncBN", "SyncBatchNorm", "NaiveSyncBatchNorm1d", "NaiveSyncBatchNorm2d")
_HOOKS = {"PreciseBNHook": "averages statistics over processes"}
_SETTINGS = {  # top-level ones
    "sync_bn": "statistics of BatchNorm belong to a shard",
    "model_wrapper_cfg": "the shards' wrapper takes its place",
    "strategy": "the shards' wrapper takes its place",
}


def check_logical_shards(cfg: Config) -> Iterator[Finding]:
    """Find a number of shards that cannot be, and what computes over processes or by their rank."""
    shards = cfg.get("logical_shards")
    if shards is None or shards is False:
        return
    if not _is_power_of_two(shards):
        what = f"logical_shards is {shards!r}."
        yield Finding("logical_shards", what, "Give a power of two, as 4, or leave it out.")
        return
    advice = "With logical_shards, leave it out."
    for key, reason in _SETTINGS.items():
        if cfg.get(key):
            yield Finding(key, f"{reason}.", advice)
    for keys, value in walk(cfg.get("model") or {}):
        if keys[-1] == "type" and str(value).rpartition(".")[2] in _SYNC_BN:
            what = f"{value} computes statistics over processes."
            yield Finding(dotted(("model", *keys)), what, "With logical_shards, use BN.")
        if keys[-1] == "type" and value == "BatchSyncRandomResize":
            what = "BatchSyncRandomResize draws a size in the first process."
            remedy = "With logical_shards, use RandomResize in the pipeline."
            yield Finding(dotted(("model", *keys)), what, remedy)
    for number, hook in enumerate(cfg.get("custom_hooks") or ()):
        if (name := type_name(hook)) in _HOOKS:
            yield Finding(f"custom_hooks.{number}", f"{name} {_HOOKS[name]}.", advice)
    if (cfg.get("randomness") or {}).get("diff_rank_seed"):
        what = "the random numbers of a shard do not depend on the process."
        yield Finding("randomness.diff_rank_seed", what, advice)
    loader: dict[str, Any] = cfg.get("train_dataloader") or {}
    if loader.get("num_batch_per_epoch") is not None:
        what = "mmengine counts the images of these batches by process."
        yield Finding("train_dataloader.num_batch_per_epoch", what, advice)
    optimizers = [one for one in (cfg.get("optim_wrapper") or {}).values() if _is_wrapper(one)]
    if optimizers:
        what = "a step of the shards has one optimizer, and this is several."
        yield Finding("optim_wrapper", what, "Leave logical_shards out.")


def _is_power_of_two(value: Any) -> bool:
    return type(value) is int and value > 0 and value & (value - 1) == 0


def _is_wrapper(value: Any) -> bool:
    return isinstance(value, dict) and "optimizer" in value
