"""Data sets in VOC's format whose lists or folders do not exist."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmresnet.config.preflight.findings import Finding, collecting
from mmresnet.config.walk import parts
from mmresnet.datasets.voc.files import LAYOUT, check_there

if TYPE_CHECKING:
    from mmengine.config import Config

_TYPES = ("mmresnet.VOCDataset", "mmresnet.ImageNetDET")


def check_voc(cfg: Config, loaders: tuple[str, ...]) -> Iterator[Finding]:
    """Find lists of images, and folders of images and annotations, that do not exist."""
    findings: list[Finding] = []
    for loader in loaders:
        dataset = (cfg.get(loader) or {}).get("dataset")
        for path, part in parts(dataset, loader, "dataset"):
            if part.get("type") not in _TYPES:
                continue
            root = part.get("data_root") or ""
            prefix = part.get("data_prefix") or LAYOUT
            folders = {key: os.path.join(root, prefix[key]) for key in LAYOUT if key in prefix}
            ann_file = part.get("ann_file") or ""
            with collecting(findings, path):
                check_there(
                    os.path.join(root, ann_file) if ann_file else "",
                    folders.get("img", ""),
                    folders.get("ann"),
                )
    yield from findings
