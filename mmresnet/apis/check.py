"""Mistakes found before anything is built, and checkpoints compared with the model."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.registry import Registry
    from torch import nn

_LAYOUT = "<folder>/<class name>/<image>.jpg, one folder for each class"


def check_device(device: str) -> bool:
    """Return whether the run uses a GPU; refuse 'cuda' where there is none."""
    import os

    import torch

    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        return False
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch sees no GPU here; use --device cpu or auto.")
    return torch.cuda.is_available()


def check_config(cfg: Config) -> None:
    """Check the parts of the model and the data folders; raise UserError for the first mistake."""
    from mmengine.registry import init_default_scope

    init_default_scope(cfg.get("default_scope", "mmpretrain"))
    check_part(cfg.model, "model")
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        if cfg.get(loader):
            check_dataset(cfg[loader].get("dataset") or {}, cfg.model, f"{loader}.dataset")


def check_part(part: dict, path: str) -> None:
    """Check ``type`` and the keywords of a model part and of the parts inside it."""
    from mmengine.registry import MODELS

    kind = part.get("type")
    if isinstance(kind, str):
        with MODELS.switch_scope_and_registry(None) as registry:  # the default scope's
            found = registry.get(kind)
        if found is None:
            known = {name for registry in _family(MODELS) for name in registry.module_dict}
            hint = did_you_mean(kind.split(".")[-1], known)
            raise UserError(f"{path}.type: there is no model part '{kind}'.{hint}")
        allowed = _keywords(found)
        for key in part if allowed is not None else ():
            if key not in allowed and key not in ("type", "_scope_", "_delete_"):
                hint = did_you_mean(key, allowed)
                raise UserError(f"{path}.{key}: {kind} has no keyword '{key}'.{hint}")
    for key in ("backbone", "neck", "head"):
        if isinstance(part.get(key), dict):
            check_part(part[key], f"{path}.{key}")


def _family(root: Registry) -> list[Registry]:
    return [root, *root.children.values()]


def _keywords(kind: type) -> set[str] | None:
    """Return every keyword of a class, following **kwargs up its bases; None if unknowable."""
    allowed: set[str] = set()
    for base in kind.__mro__ if inspect.isclass(kind) else ():
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters.values()
        allowed |= {
            p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        }
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return allowed - {"self"}
    return None


def check_dataset(dataset: dict, model: dict, path: str) -> None:
    """Check that an image folder is there and holds as many classes as the head has."""
    if str(dataset.get("type", "")).split(".")[-1] not in ("ImageNet", "CustomDataset"):
        return
    prefix = dataset.get("data_prefix") or ""
    prefix = prefix.get("img_path", "") if isinstance(prefix, dict) else prefix
    folder = Path(dataset.get("data_root") or "") / (prefix or dataset.get("split", ""))
    if not folder.is_dir():
        raise UserError(
            f"{path}: the data folder '{folder}' does not exist: it is expected as {_LAYOUT}; "
            "put or link the images there, or set data_root to where they are."
        )
    if dataset.get("ann_file"):
        return
    found = sum(entry.is_dir() for entry in folder.iterdir())
    wanted = (model.get("head") or {}).get("num_classes")
    if wanted is not None and found != wanted:
        raise UserError(
            f"model.head.num_classes is {wanted}, but '{folder}' holds {found} class folders: "
            f"set num_classes={found}, or correct {path}.data_root."
        )


def check_checkpoint(model: nn.Module, path: str, head_may_differ: bool) -> None:
    """Refuse a checkpoint that would fill only a part of ``model``."""
    from mmengine.model import is_model_wrapper
    from mmengine.runner.checkpoint import CheckpointLoader

    try:
        loaded = CheckpointLoader.load_checkpoint(path, map_location="cpu")
    except FileNotFoundError as error:
        raise UserError(f"There is no checkpoint at '{path}'.") from error
    given = loaded.get("state_dict", loaded)
    given = {key.removeprefix("module."): value for key, value in given.items()}
    wanted = (model.module if is_model_wrapper(model) else model).state_dict()

    def counts(key: str) -> bool:
        return not (head_may_differ and key.startswith(("head.", "fc.")))

    missing = sorted(k for k in wanted if k not in given and counts(k))
    unexpected = sorted(k for k in given if k not in wanted and counts(k))
    shapes = sorted(
        k for k in wanted if k in given and wanted[k].shape != given[k].shape and counts(k)
    )
    if missing or unexpected or shapes:
        first = (shapes or missing or unexpected)[0]
        raise UserError(
            f"The checkpoint '{path}' is of another architecture: {len(missing)} tensors are "
            f"missing, {len(unexpected)} unexpected, {len(shapes)} of another shape (the first: "
            f"{first}); use the config that it was trained with."
        )
