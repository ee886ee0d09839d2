"""Mistakes in a configuration, found before anything is built or explained when building fails."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.engine.check_checkpoint import check_checkpoint
from mmresnet.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = ["check_checkpoint", "check_data", "check_device", "explain_mistakes"]

_LAYOUT = "<folder>/<class name>/<image>.jpg, one folder for each class"


def check_device(device: str) -> bool:
    """Return whether the run uses a GPU; refuse 'cuda' where there is none."""
    import torch

    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        return False
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch sees no GPU here; use --device cpu or auto.")
    return torch.cuda.is_available()


@contextlib.contextmanager
def explain_mistakes(cfg: Config) -> Iterator[None]:
    """Turn an unknown type or keyword, met while parts are built, into a UserError with its path.

    The check is made by building, not beforehand: a class may hand its keywords on to anything,
    so that only building tells which of them are unknown. An empty image file, of which OpenCV
    does not give the path, becomes the error that mmcv raises for others that cannot be decoded.
    """
    try:
        yield
    except UserError:
        raise
    except (KeyError, TypeError) as error:
        sentence = _unknown_type(cfg, error) or _wrong_keyword(cfg, error)
        if sentence is None:
            raise
        raise UserError(sentence) from error
    except Exception as error:
        empty = _first_empty_file(cfg) if "!buf.empty()" in str(error) else None
        if empty is None:
            raise
        raise OSError(f"failed to load image: {empty}") from error


def _first_empty_file(cfg: Config) -> Path | None:
    loaders = ("train_dataloader", "val_dataloader", "test_dataloader")
    folders = [_folder((cfg.get(loader) or {}).get("dataset") or {}) for loader in loaders]
    files = (file for folder in dict.fromkeys(folders) for file in sorted(folder.rglob("*")))
    return next((file for file in files if file.is_file() and not file.stat().st_size), None)


def _unknown_type(cfg: Config, error: Exception) -> str | None:
    said = str(error.args[0]) if error.args else ""
    if said == "None is not a callable object":  # all that mmengine says of an unknown optimizer
        name = (cfg.get("optim_wrapper") or {}).get("optimizer", {}).get("type")
        said = f"{name} is not in the mmengine::optimizer registry"
    found = re.match(r"(\S+) is not in the \S*?::(.+?) registry", said)
    if not found:
        return None
    name, registry = found.groups()
    paths = [path for path, part in _parts(cfg) if part.get("type") == name]
    hint = did_you_mean(name.rpartition(".")[2], _names(registry))
    where = f"{paths[0]}.type: there" if paths else "There"
    return f"{where} is no {registry.replace('_', ' ')} '{name}'.{hint}"


def _wrong_keyword(cfg: Config, error: Exception) -> str | None:
    said = str(error)
    found = re.search(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", said)
    if found:
        name, key = found.groups()
        parts = [(path, part) for path, part in _parts(cfg) if key in part and "type" in part]
        # A class may have passed the keyword on to its base, which is then the one that refuses.
        parts.sort(key=lambda item: str(item[1]["type"]).rpartition(".")[2] != name)
        if not parts:
            return None
        path, part = parts[0]
        hint = did_you_mean(key, _keywords(name) - {key})
        return f"{path}.{key}: {part['type']} has no keyword '{key}'.{hint}"
    found = re.search(r"(\w+)\.__init__\(\) missing \d+ required \S+ arguments?: (.+)", said)
    if found:
        name, keys = found.groups()
        for path, part in _parts(cfg):
            if str(part.get("type")).rpartition(".")[2] == name:
                return f"{path}: {part['type']} needs {keys}, which it is not given."
    return None


def _parts(part: Any, path: str = "") -> Iterator[tuple[str, dict]]:
    """Yield every dict in a configuration with its dotted path."""
    if hasattr(part, "items"):
        if path:
            yield path, part
        items = list(part.items())
    else:
        items = list(enumerate(part)) if isinstance(part, (list, tuple)) else []
    for key, value in items:
        yield from _parts(value, f"{path}.{key}" if path else str(key))


def _registries(name: str | None = None) -> Iterator:
    from mmengine import registry

    for root in vars(registry).values():
        if isinstance(root, registry.Registry) and name in (None, root.name):
            yield from (root, *root.children.values())


def _names(registry: str) -> set[str]:
    return {name for one in _registries(registry) for name in one.module_dict}


def _keywords(name: str) -> set[str]:
    """Return the keywords of the classes of that name, following **kwargs up their bases."""
    allowed: set[str] = set()
    for registry in _registries():
        for base in getattr(registry.module_dict.get(name), "__mro__", ()):
            if "__init__" in vars(base) and base is not object:
                parameters = inspect.signature(base.__init__).parameters.values()
                allowed |= {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
                if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                    break
    return allowed - {"self"}


def check_data(cfg: Config, loaders: tuple[str, ...]) -> None:
    """Check the folders of images: they exist, hold the same classes, as many as the head has.

    Raises:
        UserError: for the first mistake.
    """
    folders = {}
    for loader in loaders:
        path = f"{loader}.dataset"
        dataset = (cfg.get(loader) or {}).get("dataset") or {}
        classes = _classes(dataset, path)
        if classes is not None:
            folders[path] = (_folder(dataset), classes)
    if not folders:
        return
    first_folder, first = next(iter(folders.values()))
    for folder, classes in folders.values():
        if classes != first:
            only = "; ".join(
                f"only in '{where}': {', '.join(sorted(names)[:3])}"
                for where, names in ((first_folder, first - classes), (folder, classes - first))
                if names
            )
            raise UserError(
                f"'{first_folder}' and '{folder}' hold different class folders ({only}): a "
                "class's number is its place among the sorted folders, so both need the same ones."
            )
    wanted = (cfg.model.get("head") or {}).get("num_classes")
    if wanted is not None and wanted != len(first):
        raise UserError(
            f"model.head.num_classes is {wanted}, but '{first_folder}' holds {len(first)} class "
            f"folders: set num_classes={len(first)}, or point data_root to another folder."
        )


def _folder(dataset: dict) -> Path:
    prefix = dataset.get("data_prefix") or ""
    if isinstance(prefix, dict):  # mmpretrain's name for it, or mmdet's
        prefix = prefix.get("img_path") or prefix.get("img", "")
    return Path(dataset.get("data_root") or "") / (prefix or dataset.get("split", ""))


def _classes(dataset: dict, path: str) -> set[str] | None:
    """Return the names of the class folders, or None where classes do not come from folders."""
    if str(dataset.get("type", "")).rpartition(".")[2] not in ("ImageNet", "CustomDataset"):
        return None
    folder = _folder(dataset)
    if not folder.is_dir():
        raise UserError(
            f"{path}: the data folder '{folder}' does not exist: it is expected as {_LAYOUT}; "
            "put or link the images there, or set data_root to where they are."
        )
    if dataset.get("ann_file") or not dataset.get("with_label", True):
        return None
    classes = {entry.name for entry in folder.iterdir() if entry.is_dir()}
    if not classes:
        raise UserError(f"{path}: '{folder}' holds no class folders: it is expected as {_LAYOUT}.")
    return classes
