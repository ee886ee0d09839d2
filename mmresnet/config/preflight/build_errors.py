"""Mistakes in a config that show when its parts are built."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.config.preflight.image_folders import folder_of
from mmresnet.config.preflight.keywords import keywords
from mmresnet.config.preflight.types import unknown_keyword, unknown_type
from mmresnet.config.walk import parts, type_name
from mmresnet.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from mmengine.config import Config


@contextlib.contextmanager
def explain_build_errors(cfg: Config) -> Iterator[None]:
    """Turn an unknown type or keyword, met while parts are built, into a UserError with its path.

    Most are found beforehand, by :mod:`mmresnet.config.preflight.types`. But a class may hand its
    keywords on to anything, so that only building shows which of them are unknown. An empty image
    file, of which OpenCV does not give the path, becomes the error that mmcv raises for others
    that cannot be decoded.
    """
    try:
        yield
    except UserError:
        raise
    except (KeyError, TypeError) as error:
        message = _unknown_type(cfg, error) or _wrong_keyword(cfg, error)
        if message is None:
            raise
        raise UserError(message) from error
    except Exception as error:
        empty = _first_empty_file(cfg) if "!buf.empty()" in str(error) else None
        if empty is None:
            raise
        raise OSError(f"failed to load image: {empty}") from error


def _first_empty_file(cfg: Config) -> Path | None:
    loaders = ("train_dataloader", "val_dataloader", "test_dataloader")
    datasets = [(cfg.get(loader) or {}).get("dataset") or {} for loader in loaders]
    folders = dict.fromkeys(folder_of(dataset) for dataset in datasets)
    folders.pop("", None)  # none is given: that would be the current directory
    files = (file for folder in folders for file in sorted(Path(folder).rglob("*")))
    return next((file for file in files if file.is_file() and not file.stat().st_size), None)


def _unknown_type(cfg: Config, error: Exception) -> str | None:
    message = str(error.args[0]) if error.args else ""
    if message == "None is not a callable object":  # mmengine's message for an unknown optimizer
        name = (cfg.get("optim_wrapper") or {}).get("optimizer", {}).get("type")
        message = f"{name} is not in the mmengine::optimizer registry"
    found = re.match(r"(\S+) is not in the \S*?::(.+?) registry", message)
    if not found:
        return None
    name, registry = found.groups()
    paths = [path for path, part in parts(cfg) if part.get("type") == name]
    what, known = registry.replace("_", " "), _names(registry)
    if paths:
        return str(unknown_type(paths[0], what, name, known))
    return f"There is no {what} '{name}'.{did_you_mean(name.rpartition('.')[2], known)}"


def _wrong_keyword(cfg: Config, error: Exception) -> str | None:
    message = str(error)
    found = re.search(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", message)
    if found:
        name, key = found.groups()
        having = [(path, part) for path, part in parts(cfg) if key in part and "type" in part]
        # A class may have passed the keyword on to its base, which is then the one that refuses.
        having.sort(key=lambda item: type_name(item[1]) != name)
        if not having:
            return None
        path, part = having[0]
        return str(unknown_keyword(path, part["type"], key, _keywords(name) - {key}))
    found = re.search(r"(\w+)\.__init__\(\) missing \d+ required \S+ arguments?: (.+)", message)
    if found:
        name, keys = found.groups()
        for path, part in parts(cfg):
            if "type" in part and type_name(part) == name:
                return f"{path}: {part['type']} needs {keys}, which it is not given."
    return None


def _registries(name: str | None = None) -> Iterator[Any]:
    from mmengine import registry

    for root in vars(registry).values():
        if isinstance(root, registry.Registry) and name in (None, root.name):
            yield from (root, *root.children.values())


def _names(registry: str) -> set[str]:
    return {name for one in _registries(registry) for name in one.module_dict}


def _keywords(name: str) -> set[str]:
    """Return the keywords of the classes of that name."""
    classes = (registry.module_dict.get(name) for registry in _registries())
    return {keyword for one in classes if one is not None for keyword in keywords(one)[0]}
