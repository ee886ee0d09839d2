"""Weights that a training is initialized from, and that are missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.config.find import recipe_paths
from mmresnet.config.preflight.findings import Finding, collecting
from mmresnet.config.walk import parts, type_name
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

_ADDRESS = re.compile(r"[\w-]+://|s3:")  # torchvision://resnet50, https://…: fetched when needed


def check_exists(checkpoint: str) -> None:
    """Refuse the path of a checkpoint that does not exist.

    Raises:
        UserError: it does not.
    """
    path = Path(checkpoint)
    shards = path / ".metadata"  # of a folder that a sharded training has saved
    if not _ADDRESS.match(checkpoint) and not (path.is_file() or shards.is_file()):
        raise UserError(f"There is no checkpoint at '{checkpoint}'.")


def check_initial_weights(cfg: Config) -> Iterator[Finding]:
    """Find a ``load_from`` or, in the model, an ``init_cfg`` whose file does not exist.

    Where a recipe writes the file, the remedy says which.
    """
    findings: list[Finding] = []
    if cfg.get("load_from"):
        with collecting(findings, "load_from"):
            check_exists(cfg.load_from)
    yield from findings
    for path, init_cfg in parts(cfg.get("model"), "model"):
        checkpoint = init_cfg.get("checkpoint")
        if type_name(init_cfg) not in ("Pretrained", "PretrainedInit"):
            continue
        if not isinstance(checkpoint, str) or _ADDRESS.match(checkpoint):
            continue
        if not Path(checkpoint).is_file():
            recipe = recipe_paths().get(Path(checkpoint).parent.name)
            first = f"train '{recipe.stem}' first" if recipe else "put it there"
            yield Finding(
                f"{path}.checkpoint",
                f"there is no '{checkpoint}', which the model is initialized from:",
                f"{first}, name another one, or start from random weights, --cfg-options "
                f"{path}=None.",
            )
