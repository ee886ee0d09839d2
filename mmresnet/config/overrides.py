"""A changed setting takes effect wherever it was used.

A config file is executed before the files that inherit from it, so that a variable which stands
at its top level, ``data_root = 'data/imagenet'``, is copied into the parts that use it; changing
the variable afterwards changes no part. Here the parts follow:

* ``num_classes``: by the rule of :mod:`mmresnet.config.classes`, in head, data preprocessor and
  batch augmentations.
* A number, a string or another plain value: each key **of the variable's name** that holds the
  old value receives the new one (``data_root`` in every data set).
* A folder, that is a string which ends in ``/``: also each path that begins with it, since
  mmdet's configs write ``ann_file=data_root + 'annotations/…'``.
* A list or a dict, such as ``train_pipeline``: every part that is equal to the old one.

But for ``num_classes`` this goes by values: a part that an inheriting file sets to the old value on
purpose follows too. Give it by a dotted option, which has the last word.

Settings of the Runner itself (``model``, ``train_dataloader`` …) are no variables: each stands
for itself.
"""

import ast
import copy
import difflib
import importlib.util
from collections.abc import Mapping, Set
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.config.classes import set_num_classes
from mmresnet.config.find import nearest
from mmresnet.config.preflight.findings import Finding, collecting, raise_errors
from mmresnet.config.walk import dotted, put, walk
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

# read beside the Runner's own
_ALSO_KNOWN = (
    *("auto_scale_lr", "compile", "custom_imports", "logical_shards", "precision", "runner_type"),
    "strategy",
)
# Read by a run, and variables as well, which parts may have been made from
READ_DIRECTLY = {"data_preprocessor", "tta_model", "tta_pipeline"}


@cache
def runner_keys() -> frozenset[str]:
    """Return the top-level keys that a run reads.

    They are taken from the Runner's source: importing it takes as long as importing torch.
    """
    spec = importlib.util.find_spec("mmengine")
    assert spec is not None and spec.origin is not None
    source = Path(spec.origin).with_name("runner") / "runner.py"
    tree = ast.parse(source.read_text(encoding="utf-8"))
    runner = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Runner")
    for node in runner.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            keys = {argument.arg for argument in arguments}
    return frozenset({*keys, *_ALSO_KNOWN} - {"self", "cfg"})


def follow(part: Any, key: str, old: Any, new: Any, skip: str | None = None) -> int:
    """Replace ``old`` in ``part`` by ``new``, and return how often; see the module's text.

    Args:
        skip: A key at the top of ``part`` below which nothing is replaced.
    """
    by_equality = isinstance(old, (dict, list)) and len(old) > 0
    folder = isinstance(old, str) and isinstance(new, str) and old.endswith("/")
    found = []
    for keys, value in walk(part):
        if keys[0] == skip:
            continue
        if type(value) is type(old) and value == old and (by_equality or keys[-1] == key):
            found.append((keys, copy.deepcopy(new)))
        elif folder and isinstance(value, str) and value.startswith(old):
            found.append((keys, new.rstrip("/") + "/" + value.removeprefix(old)))
    for keys, value in found:
        put(part, keys, value)
    return len(found)


def apply_variable(cfg: "Config", key: str, old: Any, new: Any) -> int:
    """Let every part of ``cfg`` follow a variable from ``old`` to ``new``; return how many did."""
    return set_num_classes(cfg, new) if key == "num_classes" else follow(cfg, key, old, new, key)


def merge_options(
    cfg: "Config", options: Mapping[str, Any], history: Mapping[str, list[Any]]
) -> None:
    """Merge ``{'optim_wrapper.optimizer.lr': 0.01, …}`` into ``cfg``.

    Variables come first, so that a dotted option has the last word. ``history`` holds the values
    that each variable had in the files which the config inherits from.

    Raises:
        FoundErrors: Options name settings that nothing has, or do not fit what is there.
    """
    settings = runner_keys()
    findings: list[Finding] = []
    for key, new in options.items():
        with collecting(findings, key):
            _check_type(key, _check_key(cfg, key, settings), new)
    raise_errors(findings)
    for key, new in _variables(cfg, options, settings).items():
        olds = [cfg[key], *history.get(key, [])]
        count = sum(apply_variable(cfg, key, old, new) for old in olds if old != new)
        if not count and cfg[key] != new and key not in READ_DIRECTLY:
            given = next(name for name in options if name.partition(".")[0] == key)
            findings.append(Finding(given, _no_effect(cfg, key, f"{given}={options[given]!r}")))
    raise_errors(findings)
    try:
        cfg.merge_from_dict(copy.deepcopy(dict(options)))  # it takes _delete_ out of them
    except (KeyError, TypeError, AttributeError) as error:
        said = error.args[0] if error.args else error
        raise UserError(
            f"The options {', '.join(options)} do not fit the config: {said}"
        ) from error


def _variables(cfg: "Config", options: Mapping[str, Any], settings: Set[str]) -> dict[str, Any]:
    """Return the new value of each variable that an option sets, or sets a part of."""
    changed: dict[str, Any] = {}
    for key, new in options.items():
        name, dot, _ = key.partition(".")
        if name in cfg and name not in settings:
            if dot:
                part = type(cfg)({name: copy.deepcopy(changed.get(name, cfg[name]))})
                part.merge_from_dict({key: copy.deepcopy(new)})
                new = part[name]
            changed[name] = new
    return changed


def _no_effect(cfg: "Config", key: str, given: str) -> str:
    places = [dotted(k) for k, value in walk(cfg) if value == cfg[key] and k != (key,)]
    return (
        f"{given} would have no effect: no part of the config has a '{key}' with its value "
        f"{cfg[key]!r}." + (f" That value stands at {', '.join(places[:4])}." if places else "")
    )


def _check_type(key: str, old: Any, new: Any) -> None:
    """Refuse a text in the place of a number or a switch."""
    if isinstance(old, (int, float)) and isinstance(new, str):
        kind = "True or False" if isinstance(old, bool) else "a number"
        raise UserError(f"{key} is {old!r}, and cannot be '{new}': give {kind}.")


def _check_key(cfg: "Config", key: str, settings: Set[str]) -> Any:
    """Return the value that stands at ``key``, or None."""
    first, *rest = key.split(".")
    if first not in cfg and first not in settings:
        elsewhere = [dotted(keys) for keys, _ in walk(cfg) if keys[-1] == key]
        if elsewhere:
            listed = " and ".join(f"{path}=…" for path in elsewhere[:4])
            raise UserError(
                f"The config has no setting '{key}' at its top level, only inside of parts: "
                f"set {listed}."
            )
        raise UserError(
            f"The config has no setting '{first}' (given as '{key}')."
            f"{nearest(first, {*cfg.keys(), *settings}, most=1)}"
        )
    part, path = cfg.get(first), first
    for number, name in enumerate(rest, start=1):
        last = number == len(rest)
        # A new part may be made on purpose, one spelled nearly as its neighbour hardly is. The
        # keywords of a class are compared with its own, in config.preflight.types.
        is_keyword = last and isinstance(part, dict) and "type" in part
        if isinstance(part, dict) and name not in part and not is_keyword:
            near = difflib.get_close_matches(name, list(part), n=1, cutoff=0.8)
            if near:
                raise UserError(
                    f"{path} has no '{name}' (given as '{key}'). Did you mean '{path}.{near[0]}'?"
                )
        part, path = _inside(part, name, path), f"{path}.{name}"
        if not last and part is not None and not isinstance(part, (dict, list, tuple)):
            raise UserError(f"{path} is {part!r}, so that '{key}' cannot be set in it.")
    return part


def _inside(part: Any, name: str, path: str) -> Any:
    if not isinstance(part, (list, tuple)):
        return part.get(name) if isinstance(part, dict) else None
    if not name.isdigit() or int(name) >= len(part):
        raise UserError(
            f"{path} is a list of {len(part)} elements, counted from 0: it has no '{name}'."
        )
    return part[int(name)]
