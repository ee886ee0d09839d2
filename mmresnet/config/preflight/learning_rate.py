"""The learning rate, and the number of images per step that it was chosen for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmresnet.config.preflight.findings import Finding

if TYPE_CHECKING:
    from mmengine.config import Config


def batches_per_step(cfg: Config, world_size: int) -> int:
    """Return how many batches a step has: one of each process, or of each logical shard."""
    return cfg.get("logical_shards") or world_size


def describe_learning_rate(cfg: Config, world_size: int) -> str:
    """Return the learning rate and the arithmetic behind it, in one line."""
    world_size = batches_per_step(cfg, world_size)
    rate = cfg.optim_wrapper.optimizer.lr
    batch = cfg.train_dataloader.batch_size
    repeats = cfg.optim_wrapper.get("accumulative_counts", 1)
    images = world_size * batch * repeats
    product = f"{world_size}x{batch}" + (f"x{repeats} (accumulated)" if repeats > 1 else "")
    scaling = cfg.get("auto_scale_lr") or {}
    base = scaling.get("base_batch_size")
    if not base:
        return f"lr {rate:g} as in the config; this run has {product} = {images} images per step."
    # mmengine scales by world size x batch size; accumulation is left to the config's author.
    actual = world_size * batch
    if actual == base:
        return f"lr {rate:g} as in the config, chosen for {product} = {images} images per step."
    scaled = f"{rate:g} x {actual} / {base} = {rate * actual / base:g}"
    if scaling.get("enable"):
        return f"lr scaled: {scaled}; this run has {product} = {images} images per step."
    return (
        f"lr {rate:g} as in the config, for {base} images per step; this run has "
        f"{product} = {images}: with --auto-scale-lr it would be {scaled}."
    )


def check_learning_rate(cfg: Config, processes: int = 1) -> Iterator[Finding]:
    """Find a learning rate for another number of images per step, which is not scaled."""
    scaling = cfg.get("auto_scale_lr") or {}
    base, loader = scaling.get("base_batch_size"), cfg.get("train_dataloader") or {}
    optimizer = (cfg.get("optim_wrapper") or {}).get("optimizer") or {}
    if not base or scaling.get("enable") or not loader.get("batch_size") or "lr" not in optimizer:
        return
    if base != batches_per_step(cfg, processes) * loader["batch_size"]:
        what = describe_learning_rate(cfg, processes)
        yield Finding("optim_wrapper.optimizer.lr", what, severity="warning")
