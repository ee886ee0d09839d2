"""Types that do not exist, and keywords that their classes do not accept."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mmengine.optim import OptimWrapper
from mmengine.runner import (
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    Runner,
    TestLoop,
    ValLoop,
)
from torch.utils.data import DataLoader

from mmresnet.config.preflight import registries
from mmresnet.config.preflight.findings import Finding
from mmresnet.config.preflight.keywords import keywords
from mmresnet.config.preflight.registries import Part, parts_to_build
from mmresnet.errors import did_you_mean

if TYPE_CHECKING:
    from mmengine.config import Config

# What mmengine reads of a part before it calls the class with the rest
_READ_BEFORE = {
    "LOOPS": {"by_epoch"},
    "HOOKS": {"priority"},
    "PARAM_SCHEDULERS": {"convert_to_iter_based", "epoch_length"},
    "OPTIM_WRAPPERS": {"constructor", "paramwise_cfg", "optimizer"},
    "MODELS": {"bg_cls_weight"},  # DETR's heads, of their losses
    "WEIGHT_INITIALIZERS": {"override", "name"},
}
_OF_LOADER = ("num_batch_per_epoch", "disable_subprocess_warning")
# Where a type in a model is certainly one of a registry
_MODELS = ("backbone", "neck", "head", "data_preprocessor")
# Parts that a class changes before it calls the class of their type
_CHANGED = ("_cfg", "dcn", "cfg", "override", "policies")
_LOOPS = ("train_cfg", "val_cfg", "test_cfg")
_OPERATORS = ("nms", "roi_layer")  # their types are functions and classes of mmcv.ops


def check_types(cfg: Config) -> Iterator[Finding]:
    """Find types that no registry has, and keywords that a class does not accept."""
    for part in parts_to_build(cfg):
        if part.name in _OPERATORS:
            continue
        kind, expected = registries.find(part)
        if kind is None:
            yield from _unknown_type(part) if _package_is_there(part) else ()
        elif expected and (part.path in _LOOPS or not part.name.endswith(_CHANGED)):
            more = _READ_BEFORE.get(part.registry, ())
            for key, known in _unknown_keywords(part.cfg, kind, more):
                if _certain(part) or _spelled_nearly(key, known):
                    yield unknown_keyword(part.path, part.cfg["type"], key, known)
    yield from _untyped(cfg)


def unknown_type(path: str, what: str, name: object, known: Iterable[str]) -> Finding:
    """Return the finding of a type that no registry has."""
    hint = did_you_mean(str(name).rpartition(".")[2], known).strip()
    return Finding(f"{path}.type", f"there is no {what} '{name}'.", hint)


def unknown_keyword(path: str, what: object, key: str, known: Iterable[str]) -> Finding:
    """Return the finding of a keyword that a class does not accept."""
    shown = getattr(what, "__name__", what)
    hint = did_you_mean(key, known).strip()
    return Finding(f"{path}.{key}", f"{shown} has no keyword '{key}'.", hint)


def _unknown_type(part: Part) -> Iterator[Finding]:
    name = str(part.cfg["type"])
    scope, dot, plain = name.rpartition(".")
    scope = scope if dot and registries.is_installed(scope) else part.scope or ""
    scope = scope or registries.default_scope()
    known = registries.names(part.registry, scope)
    if _certain(part) or _spelled_nearly(plain, known):
        yield unknown_type(part.path, registries.describe(part.registry, scope), name, known)


def _package_is_there(part: Part) -> bool:
    """Return whether the package of a type is installed; if not, check_scopes reports it."""
    first, dot, _ = str(part.cfg["type"]).partition(".")
    scope = first if dot else part.scope or registries.default_scope()
    return registries.is_installed(scope)


def _certain(part: Part) -> bool:
    """Return whether a part's dict is what its class is called with.

    Elsewhere in a model a class may read a part itself, such as ``dict(type='dilation')``.
    """
    if part.registry != "MODELS" or part.path == "model":
        return True
    return part.name.endswith(_MODELS) or part.name.startswith("loss")


def _spelled_nearly(name: str, known: Iterable[str]) -> bool:
    return bool(difflib.get_close_matches(name, list(known), n=1, cutoff=0.85))


def _unknown_keywords(
    given: dict[str, Any], kind: Callable[..., Any], more: Iterable[str] = ()
) -> Iterator[tuple[str, list[str]]]:
    """Yield each keyword that a class does not accept, with those that it does."""
    known, closed = keywords(kind)
    allowed = sorted({*known, *more})
    for key in given if closed else ():
        if key not in (*allowed, "type", "_scope_"):
            yield key, allowed


def _untyped(cfg: Config) -> Iterator[Finding]:
    """Check the settings whose class is given by their place."""
    places: dict[str, tuple[Any, tuple[str, ...]]] = {
        "train_cfg": (EpochBasedTrainLoop, ("by_epoch",)),
        "val_cfg": (ValLoop, ()),
        "test_cfg": (TestLoop, ()),
        "train_dataloader": (DataLoader, _OF_LOADER),
        "val_dataloader": (DataLoader, _OF_LOADER),
        "test_dataloader": (DataLoader, _OF_LOADER),
        "optim_wrapper": (OptimWrapper, tuple(_READ_BEFORE["OPTIM_WRAPPERS"])),
        "randomness": (Runner.set_randomness, ()),
    }
    if (cfg.get("train_cfg") or {}).get("by_epoch") is False:
        places["train_cfg"] = (IterBasedTrainLoop, ("by_epoch",))
    for path, (kind, more) in places.items():
        part = cfg.get(path)
        if isinstance(part, dict) and "type" not in part:
            for key, known in _unknown_keywords(part, kind, more):
                yield unknown_keyword(path, kind, key, known)
