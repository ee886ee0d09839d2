"""Images and annotations that a run needs, and that do not exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmresnet.config.preflight.coco import check_there, coco_sets
from mmresnet.config.preflight.findings import Finding, collecting
from mmresnet.config.preflight.image_folders import check_image_folders, class_folders_of
from mmresnet.config.preflight.image_lists import check_image_list
from mmresnet.config.preflight.loaders import LOADERS
from mmresnet.config.preflight.shards import check_shards
from mmresnet.config.preflight.voc import check_voc

if TYPE_CHECKING:
    from mmengine.config import Config


def check_data(cfg: Config) -> Iterator[Finding]:
    """Find annotation files and image folders that are missing, or do not agree."""
    findings: list[Finding] = []
    for one in coco_sets(cfg, LOADERS):
        with collecting(findings, one.path):
            check_there(one)
    findings += check_voc(cfg, LOADERS)
    there = []
    for name in LOADERS:
        alone: list[Finding] = []
        with collecting(alone, f"{name}.dataset"):
            class_folders_of((cfg.get(name) or {}).get("dataset") or {}, f"{name}.dataset")
        findings += alone or list(check_image_list(cfg, name))
        there += [] if alone else [name]
    with collecting(findings):
        check_image_folders(cfg, tuple(there))
    with collecting(findings):
        findings += check_shards(cfg)
    yield from findings
