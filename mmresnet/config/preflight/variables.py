"""Top-level names of a config that reach no part of the run."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.config.load import bases_of, load_config, variables_of_bases
from mmresnet.config.overrides import READ_DIRECTLY, runner_keys
from mmresnet.config.preflight.findings import Finding
from mmresnet.config.walk import dotted, walk

if TYPE_CHECKING:
    from mmengine.config import Config


def check_variables(cfg: Config) -> Iterator[Finding]:
    """Find variables that were changed without an effect, and settings with a misspelled name.

    mmengine's configs copy values: a base builds its data loader from ``train_pipeline``, and a
    file that inherits from it and sets another ``train_pipeline`` changes that name alone.
    :func:`mmresnet.config.load.load_config` lets equal values follow; what is found here are
    variables that still no part has the value of, and that the inheriting file does not use itself.
    """
    settings = runner_keys()
    for key in cfg:
        near = difflib.get_close_matches(key, settings, n=1, cutoff=0.85)
        if near and key not in settings | READ_DIRECTLY:
            what = f"a run reads no setting of the name '{key}'."
            yield Finding(key, what, f"Did you mean '{near[0]}'?", "warning")
    path = Path(cfg.filename) if cfg.filename else None
    if path is None or not path.is_file() or path.suffix != ".py":
        return
    history = variables_of_bases(path)
    on_disk = load_config(path)
    for key, new in cfg.items():
        if key in settings | READ_DIRECTLY or key not in on_disk:
            continue
        # the values of the bases, and that of the file if a program has changed it since
        olds = [old for old in (*history.get(key, []), on_disk[key]) if old != new]
        changed_here = on_disk[key] == new
        if not olds or (changed_here and _is_used(path, key, new)) or _stands_in(cfg, key, new):
            continue
        places = [dotted(keys) for keys, value in walk(cfg) if keys[0] != key and value in olds]
        where = f"; {places[0]} still has the old value" if _is_part(new) and places else ""
        yield Finding(
            key,
            f"it was changed, and no part of the config has its new value{where}.",
            "Set it in the parts that it is for.",
            "warning",
        )


def _is_part(value: Any) -> bool:
    return isinstance(value, (dict, list)) and len(value) > 0


def _stands_in(cfg: Config, key: str, value: Any) -> bool:
    """Return whether a value stands anywhere but at the top-level name ``key``."""
    return any(_equal(other, value) for keys, other in walk(cfg) if keys[0] != key)


def _equal(other: Any, value: Any) -> bool:
    """Return whether ``other`` is ``value``, or a path that was made from it."""
    if isinstance(value, str) and isinstance(other, str):
        return other == value or (len(value) > 2 and value in other)
    if isinstance(value, (list, tuple)) and isinstance(other, (list, tuple)):
        return list(other) == list(value)
    return type(other) is type(value) and bool(other == value)


def _is_used(path: Path, key: str, value: Any) -> bool:
    """Return whether a file reads a variable, or one between it and the base that changed it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == key)
    return any(isinstance(node.ctx, ast.Load) for node in names) or any(
        load_config(base).get(key) == value and _is_used(base, key, value)
        for base in bases_of(path)
    )
