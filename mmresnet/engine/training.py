"""Train a recipe: the configuration is completed and checked, then mmengine's Runner runs."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.compat.detectors import import_detectors
from mmresnet.config.preflight import check
from mmresnet.config.preflight.coco import follow_data
from mmresnet.config.preflight.initial_weights import check_init
from mmresnet.engine.check_checkpoint import read_checkpoint, trained_classes
from mmresnet.errors import UserError, require

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner


def train(
    config: str | Config,
    work_dir: str | None = None,
    resume: bool | str = False,
    amp: bool = False,
    auto_scale_lr: bool = False,
    cfg_options: dict[str, object] | None = None,
    launcher: str = "none",
    device: str = "auto",
) -> Runner:
    """Train ``config`` (a path, a shipped recipe's name or a Config) and return its Runner.

    Args:
        resume: True continues from the newest checkpoint of the work directory, a path from
            that checkpoint.
        auto_scale_lr: scale the learning rate by this run's images a step over
            ``auto_scale_lr.base_batch_size``.

    Raises:
        UserError: a mistake in the configuration, the data folder or the checkpoint.
    """
    cfg = prepare(config, work_dir, cfg_options, launcher, device)
    if amp:
        cfg.optim_wrapper.type = "mmresnet.AmpOptimWrapper"
    if resume:
        cfg.resume = True
        cfg.load_from = resume if isinstance(resume, str) else None
    if auto_scale_lr:
        if not cfg.get("auto_scale_lr", {}).get("base_batch_size"):
            raise UserError(
                "--auto-scale-lr needs auto_scale_lr.base_batch_size in the config: the number "
                "of images a step that its learning rate was chosen for."
            )
        cfg.auto_scale_lr.enable = True
    loaders = (
        ("train_dataloader", "val_dataloader")
        if cfg.get("val_cfg") is not None
        else ("train_dataloader",)
    )
    going_on = bool(cfg.get("resume")) and bool(cfg.get("load_from"))
    classes = trained_classes(read_checkpoint(cfg.load_from)) if going_on else None
    notes = follow_data(cfg, loaders, cfg_options, classes, cfg.get("load_from"))
    check.check_data(cfg, loaders)
    check_init(cfg)

    from mmengine.dist import get_world_size
    from mmengine.runner import Runner

    with check.explain_mistakes(cfg):
        runner = Runner.from_cfg(cfg)
        if cfg.get("load_from"):
            notes += check.check_checkpoint(
                runner.model, cfg.load_from, head_may_differ=not cfg.get("resume")
            )
        for note in (*notes, describe_learning_rate(cfg, get_world_size())):
            runner.logger.info(note)
        with closing_progress(runner):
            runner.train()
    return runner


@contextlib.contextmanager
def closing_progress(runner: Runner) -> Iterator[None]:
    """Give the terminal back however the run ends."""
    from mmresnet.engine.progress import ProgressHook

    try:
        yield
    finally:
        for hook in runner.hooks:
            if isinstance(hook, ProgressHook):
                hook.close()


def prepare(
    config: str | Config,
    work_dir: str | None,
    cfg_options: dict[str, object] | None,
    launcher: str,
    device: str,
) -> Config:
    """Load the configuration and fill in what the run needs: place, launcher and device."""
    has_gpu = check.check_device(device)  # first: mmengine looks for GPUs when it is imported

    from mmengine.config import Config

    import mmresnet.registry  # noqa: F401  (mends what mmengine needs)
    from mmresnet.config.load import load_config

    cfg = copy.deepcopy(config) if isinstance(config, Config) else load_config(config, cfg_options)
    if isinstance(config, Config) and cfg_options:
        cfg.merge_from_dict(cfg_options)
    name = Path(cfg.filename).stem if cfg.filename else "run"
    own_hooks = [{"type": "mmresnet.ProgressHook"}, {"type": "mmresnet.WeightsHook"}]
    if install_operators(cfg):
        own_hooks.append({"type": "mmresnet.Float32BoxesHook"})
    if "loss" in (cfg.get("val_cfg") or {}):
        cfg.val_cfg.setdefault("type", "ValLoop")
        if cfg.val_cfg.type == "ValLoop":  # mmengine's has no such option
            cfg.val_cfg.type = "mmresnet.ValLoop"
    cfg.work_dir = work_dir or cfg.get("work_dir") or str(Path("work_dirs") / name)
    cfg.launcher = launcher
    if not has_gpu:
        cfg.setdefault("env_cfg", {}).setdefault("dist_cfg", {})["backend"] = "gloo"
        for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
            if cfg.get(loader):
                cfg[loader]["pin_memory"] = False  # pinning is for a GPU, and warns without one
    cfg.custom_hooks = [*(cfg.get("custom_hooks") or []), *own_hooks]
    return cfg


def install_operators(cfg: Config) -> bool:
    """Give mmdet the operators that it imports, if the config is a detector's; return whether.

    Raises:
        ImportError: it is, and mmdet is not installed.
    """
    model = str((cfg.get("model") or {}).get("type"))
    if cfg.get("default_scope") == "mmdet" or model.startswith("mmdet."):
        from mmresnet import ops

        ops.install()
        require("mmdet", f"The config '{cfg.filename or 'given'}'")
        settings = str(cfg.to_dict())
        import_detectors(with_mmpretrain="mmpretrain" in settings or "ReID" in settings)
        return True
    return False


def describe_learning_rate(cfg: Config, world_size: int) -> str:
    """Say the learning rate and the arithmetic behind it, in one line."""
    rate = cfg.optim_wrapper.optimizer.lr
    batch = cfg.train_dataloader.batch_size
    repeats = cfg.optim_wrapper.get("accumulative_counts", 1)
    images = world_size * batch * repeats
    product = f"{world_size}x{batch}" + (f"x{repeats} (accumulated)" if repeats > 1 else "")
    scaling = cfg.get("auto_scale_lr") or {}
    base = scaling.get("base_batch_size")
    if not base:
        return f"lr {rate:g} as in the config; this run has {product} = {images} images a step."
    # mmengine scales by world size x batch size; accumulation is left to the config's author.
    actual = world_size * batch
    scaled = f"{rate:g} x {actual} / {base} = {rate * actual / base:g}"
    if scaling.get("enable"):
        return f"lr scaled: {scaled}; this run has {product} = {images} images a step."
    return (
        f"lr {rate:g} as in the config, for {base} images a step; this run has "
        f"{product} = {images}: with --auto-scale-lr it would be {scaled}."
    )
