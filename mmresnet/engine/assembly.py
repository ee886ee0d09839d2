"""A run is assembled from a config here, for training, tests, inference and ``get_model``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet import compat, ops
from mmresnet.config import trackers
from mmresnet.config.load import load_config
from mmresnet.config.preflight.build_errors import explain_build_errors
from mmresnet.config.preflight.findings import Finding, FoundErrors
from mmresnet.config.walk import parts, type_name
from mmresnet.engine.sharding import settings as sharding
from mmresnet.errors import UserError, require

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.model import BaseModel
    from torch import nn

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


def prepare(
    config: str | os.PathLike[str] | Config, cfg_options: Mapping[str, Any] | None = None
) -> Config:
    """Load a config, to be changed at will.

    Raises:
        UserError: There is no such config, or it has a mistake in it.
        ImportError: It is a detector's, and mmdet is not installed.
    """
    cfg = load_config(config, cfg_options)
    if is_detector(cfg):
        import_packages(cfg)
    return cfg


def import_packages(cfg: Config) -> None:
    """Import the package that the model of a config comes from, and its ``custom_imports``.

    Raises:
        ImportError: It is not installed.
        UserError: A module of ``custom_imports`` cannot be imported.
    """
    # mmpretrain imports parts of mmdet, and of mmcv for mmdet, which would then be without
    # operators for a detector that is built later
    ops.install()
    scope, purpose = _scope(cfg), f"The config '{cfg.filename or 'given'}'"
    require(scope, purpose)
    from mmengine.utils import import_modules_from_strings

    if is_detector(cfg):
        require("mmdet", purpose)
        if _needs_mmpretrain(cfg):
            require("mmpretrain", purpose)
            compat.apply(compat.MULTIMODAL)
        compat.apply(compat.DETECTORS)
        import mmdet.models  # noqa: F401

        compat.apply(compat.WAITING)
        compat.imports.classifiers.take_mmdet_in()
    elif scope == "mmpretrain":
        compat.apply(compat.CLASSIFIERS, compat.MULTIMODAL)
    custom = cfg.get("custom_imports")
    if custom:  # those of a file have been imported with it, and those of an option have not
        try:
            import_modules_from_strings(**custom)
        except (ImportError, TypeError) as error:
            raise UserError(f"custom_imports={custom}: {error}.") from error


def is_detector(cfg: Config) -> bool:
    """Return whether the model of a config is one of mmdet's."""
    model = str((cfg.get("model") or {}).get("type"))
    return cfg.get("default_scope") == "mmdet" or model.startswith("mmdet.")


def _needs_mmpretrain(cfg: Config) -> bool:
    types = [str(part.get("type")) for _, part in parts(cfg.get("model"))]
    scopes = [part.get("_scope_") for _, part in parts(cfg.get("model"))]
    named = (cfg.get("custom_imports") or {}).get("imports") or ()
    return (
        "mmpretrain" in scopes
        or any(name.startswith("mmpretrain.") or "ReID" in name for name in types)
        or any(str(name).startswith("mmpretrain") for name in named)
    )


def _scope(cfg: Config) -> str:
    return cfg.get("default_scope") or "mmpretrain"


@contextlib.contextmanager
def building(cfg: Config) -> Iterator[None]:
    """Look up types where ``cfg`` wants them, and explain what fails.

    The default scope of the process is left unchanged.
    """
    from mmengine.registry import DefaultScope

    import_packages(cfg)
    with explain_build_errors(cfg), DefaultScope.overwrite_default_scope(_scope(cfg)):
        yield


def build_model(cfg: Config) -> BaseModel:
    """Build the model of a config, without initializing its weights.

    Raises:
        UserError: A mistake in its settings.
    """
    from mmengine.registry import MODELS

    model = cfg.model.copy()
    if cfg.get("data_preprocessor"):
        model.setdefault("data_preprocessor", cfg.data_preprocessor)
    with building(cfg):
        return MODELS.build(model)


def load_model(cfg: Config, checkpoint: Mapping[str, Any], device: str = "auto") -> nn.Module:
    """Return the model of ``cfg`` in eval mode, with the weights of a checkpoint, on its device.

    Raises:
        UserError: A mistake in the model's settings, or a checkpoint of another model or of a
            training that has diverged.
    """
    from mmresnet.weights.load import load_weights

    kind = choose_device(device)
    model = build_model(cfg)
    load_weights(model, checkpoint, coverage="all")
    return model.to(kind).eval()


def choose_device(device: str) -> str:
    """Return "cpu" or "cuda" for that, or for "auto".

    Raises:
        UserError: "cuda" is asked for where there is none, or there are more processes than GPUs.
    """
    import torch

    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise UserError("--device cuda: PyTorch sees no GPU here; use --device cpu or auto.")
    if not available or device == "cpu":
        return "cpu"
    rank, gpus = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
    if rank >= gpus:
        raise UserError(
            f"This machine has {gpus} GPU{'s' if gpus > 1 else ''} and more processes than that: "
            "start one for each GPU, or use --device cpu."
        )
    return "cuda"


def prepare_run(
    config: str | os.PathLike[str] | Config,
    work_dir: str | None = None,
    cfg_options: Mapping[str, Any] | None = None,
    launcher: str = "none",
    device: str = "cpu",
) -> Config:
    """Load a config for a Runner: with a folder, a launcher, and the hooks of this package.

    Raises:
        UserError: As :func:`prepare`, or ``work_dir`` is a file, or ``custom_hooks`` is no list.
    """
    cfg = prepare(config, cfg_options)
    _add_own_hooks(cfg)
    trackers.use_own(cfg)
    cfg.setdefault("default_hooks", {})  # of which the Runner has this one by itself
    cfg.default_hooks.setdefault("checkpoint", {"type": "CheckpointHook", "interval": 1})
    checkpoint = cfg.default_hooks.checkpoint
    if checkpoint and checkpoint.get("type") in ("CheckpointHook", "mmengine.CheckpointHook"):
        checkpoint["type"] = "mmresnet.CheckpointHook"
    sharding.configure(cfg)
    if "loss" in (cfg.get("val_cfg") or {}):
        cfg.val_cfg.setdefault("type", "ValLoop")
        if cfg.val_cfg.type == "ValLoop":  # mmengine's has no such option
            cfg.val_cfg.type = "mmresnet.ValLoop"
    name = Path(cfg.filename).stem if cfg.filename else "run"
    cfg.work_dir = work_dir or cfg.get("work_dir") or str(Path("work_dirs") / name)
    if Path(cfg.work_dir).exists() and not Path(cfg.work_dir).is_dir():
        raise UserError(f"--work-dir: '{cfg.work_dir}' is a file: name a folder for the results.")
    cfg.launcher = launcher
    if device == "cpu":
        cfg.setdefault("env_cfg", {}).setdefault("dist_cfg", {})["backend"] = "gloo"
        for loader in LOADERS:
            if cfg.get(loader):
                cfg[loader]["pin_memory"] = False  # pinning is for a GPU, and warns without one
    elif cfg.get("train_dataloader"):
        cfg.train_dataloader.setdefault("pin_memory", True)  # else its copies are waited for
    return cfg


def _add_own_hooks(cfg: Config) -> None:
    names = ["BadSamplesHook", "ProgressHook", "TerminalHook", "WeightsHook"]
    names += ["NonFiniteHook", "SpeedHook", "UnusedParametersHook", "PredictionsHook", "ReportHook"]
    names.append("ProcessesHook")
    if is_detector(cfg):
        names.append("Float32BoxesHook")
    hooks = cfg.get("custom_hooks") or []
    if not isinstance(hooks, list | tuple):
        remedy = "Give one: --cfg-options \"custom_hooks=[{'type': 'EMAHook'}]\"."
        raise FoundErrors([Finding("custom_hooks", f"{hooks!r} is no list of hooks.", remedy)])
    present = {type_name(hook) for hook in hooks}  # a config that a run wrote has them
    own = [{"type": f"mmresnet.{name}"} for name in names if name not in present]
    cfg.custom_hooks = [*hooks, *own]
