"""Settings of data loaders that cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mmresnet.config.preflight.findings import Finding
from mmresnet.config.preflight.schedules import length_of
from mmresnet.config.walk import type_name

if TYPE_CHECKING:
    from mmengine.config import Config

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


def check_loaders(cfg: Config) -> Iterator[Finding]:
    """Find batch sizes, workers and samplers that cannot be."""
    for name in LOADERS:
        loader = cfg.get(name)
        if isinstance(loader, dict):
            yield from _loader(name, loader)
    train = cfg.get("train_dataloader") or {}
    sampler = train.get("sampler") or {}
    by_epoch = length_of(cfg.get("train_cfg") or {})[0] == "epochs"
    where = "train_dataloader.sampler"
    if type_name(sampler) == "DefaultSampler" and sampler.get("shuffle") is False:
        what = "the training images come in the same order in every epoch."
        yield Finding(f"{where}.shuffle", what, "Set shuffle=True.", "warning")
    if type_name(sampler) == "InfiniteSampler" and train and by_epoch:
        what = "an InfiniteSampler has no end, and so has an epoch."
        remedy = "Use DefaultSampler, or train by iterations: train_cfg.by_epoch=False."
        yield Finding(f"{where}.type", what, remedy)


def _loader(name: str, loader: dict[str, Any]) -> Iterator[Finding]:
    for key, least in (("batch_size", 1), ("num_workers", 0), ("prefetch_factor", 1)):
        value = loader.get(key)
        if value is not None and (not _is_whole(value) or value < least):
            what = f"{key} is {value!r}."
            yield Finding(f"{name}.{key}", what, f"Give a whole number from {least} on.")
    for key in ("dataset", "sampler"):
        if key not in loader:
            yield Finding(name, f"the data loader has no {key}.", f"Set {name}.{key}.")
    if "shuffle" in loader:
        what = "the sampler decides on the order of the images."
        yield Finding(f"{name}.shuffle", what, f"Set {name}.sampler.shuffle.")
    if not loader.get("num_workers"):
        if loader.get("persistent_workers"):
            what = "without workers (num_workers=0) none can persist."
            yield Finding(f"{name}.persistent_workers", what, "Set it to False.")
        if loader.get("prefetch_factor") is not None:
            what = "without workers (num_workers=0) none can prefetch."
            yield Finding(f"{name}.prefetch_factor", what, "Set it to None.")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
