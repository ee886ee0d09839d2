"""Data sets in shards of which the cache holds only a part."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmresnet.config.preflight.findings import Finding
from mmresnet.config.preflight.image_folders import folder_of
from mmresnet.config.preflight.loaders import LOADERS
from mmresnet.config.walk import parts
from mmresnet.datasets.shards.cache import LIMIT, cache_limit
from mmresnet.datasets.shards.paths import shards_of
from mmresnet.datasets.shards.stores import is_address

if TYPE_CHECKING:
    from mmengine.config import Config


def check_shards(cfg: Config) -> Iterator[Finding]:
    """Find orders that would fetch each shard many times, since the cache may not keep them all."""
    limit = cache_limit()
    for name in LOADERS if limit else ():
        loader = cfg.get(name) or {}
        sampler = str((loader.get("sampler") or {}).get("type"))
        if sampler == "mmresnet.ShardSampler":
            continue
        for _, part in parts(loader.get("dataset"), name, "dataset"):
            folder = folder_of(part)
            if not is_address(folder) or (found := shards_of(folder)) is None:
                continue
            size = found[0].bytes_below(found[1])
            if limit is not None and size > limit:
                yield Finding(
                    f"{name}.sampler.type",
                    f"{name}.sampler.type is {sampler}, which takes images from all shards at any "
                    f"time; those of '{folder}' have {size / 1e9:,.1f} GB, and {LIMIT} is "
                    f"{os.environ[LIMIT]}.",
                    "Set it to mmresnet.ShardSampler, or raise the limit.",
                )
