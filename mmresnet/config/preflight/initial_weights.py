"""Weights that a training begins with, and that are not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.config.find import recipe_paths
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

_ELSEWHERE = re.compile(r"[\w-]+://|s3:")  # torchvision://resnet50, https://…: fetched when needed


def check_init(cfg: Config) -> None:
    """Refuse a part of the model whose ``init_cfg`` names a file that does not exist.

    Raises:
        UserError: for the first one; it says how to get the file, where a recipe writes it.
    """
    for path, init_cfg in _pretrained(cfg.get("model"), "model"):
        checkpoint = init_cfg.get("checkpoint")
        if not isinstance(checkpoint, str) or _ELSEWHERE.match(checkpoint):
            continue
        if not Path(checkpoint).is_file():
            recipe = recipe_paths().get(Path(checkpoint).parent.name)
            first = f"train '{recipe.stem}' first" if recipe else "put it there"
            raise UserError(
                f"{path}.checkpoint: there is no '{checkpoint}', whose weights the model begins "
                f"with: {first}, name another one, or begin with random weights, "
                f"--cfg-options {path}=None."
            )


def _pretrained(part: Any, path: str) -> Iterator[tuple[str, dict]]:
    """Yield every initialization from a file with its dotted path."""
    if isinstance(part, dict):
        if str(part.get("type")).rpartition(".")[2] in ("Pretrained", "PretrainedInit"):
            yield path, part
        items = part.items()
    else:
        items = enumerate(part) if isinstance(part, (list, tuple)) else ()
    for key, value in items:
        yield from _pretrained(value, f"{path}.{key}")
