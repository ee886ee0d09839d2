"""The first lines of a run: what is trained or tested, on which data and device, and where to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import get_world_size

from mmresnet.config.preflight.learning_rate import describe_learning_rate
from mmresnet.datasets.shards.stores import is_address
from mmresnet.engine.logical.wrapper import LogicalShards
from mmresnet.engine.watch.wrappers import without_wrapper

if TYPE_CHECKING:
    from mmengine.runner import Runner
    from torch import nn
    from torch.utils.data import DataLoader


def header_of_training(runner: Runner) -> str:
    """Return the header of a training."""
    data = _root(runner.cfg.train_dataloader) + _describe_data(runner.train_dataloader)
    if runner.val_loop is not None:
        data += f"; validation: {_describe_data(runner.val_dataloader)}"
    rate = describe_learning_rate(runner.cfg, get_world_size()).removeprefix("lr ")
    wrapper: Any = runner.optim_wrapper
    compute = _describe_compute(getattr(wrapper, "dtype", None))
    optimizer = getattr(wrapper, "optimizer", None)
    if optimizer is not None and optimizer.defaults.get("fused"):
        compute = f"{compute}, fused {type(optimizer).__name__}"
    output = runner.cfg.work_dir
    if getattr(_backbone(runner.model), "_compiled_call_impl", None) is not None:
        compute += ", compiled in the first step, which takes minutes (compile=False turns it off)"
    return _header(runner, "Training", data, compute, lr=rate, output=output)


def header_of_test(runner: Runner) -> str:
    """Return the header of a test."""
    metrics = str(_log_folder(runner) / f"{runner.timestamp}.json")  # by LoggerHook
    data = _root(runner.cfg.test_dataloader) + _describe_data(runner.test_dataloader)
    device = next(runner.model.parameters()).device.type
    dtype = torch.get_autocast_dtype(device) if getattr(runner.test_loop, "fp16", False) else None
    return _header(runner, "Testing", data, _describe_compute(dtype), metrics=metrics)


def _header(runner: Runner, task: str, data: str, compute: str, **more: str) -> str:
    name = Path(runner.cfg.filename).stem if runner.cfg.filename else "a model"
    log = _log_folder(runner) / f"{runner.timestamp}.log"
    lines = {"data": data, "device": f"{_describe_device(runner.model)}; {compute}", **more}
    lines["log"] = f"{log} has the environment, the config and all iterations as well"
    rows = [f"  {label:<9}{text}" for label, text in lines.items()]
    return "\n".join([f"{task} {name}: {_describe_model(runner.model)}", *rows])


def _describe_compute(dtype: torch.dtype | None) -> str:
    """Return the precision, with what turns it off, and the order of memory."""
    if dtype is None:
        return "float32, channels-last"
    name = str(dtype).removeprefix("torch.")
    return f"{name} (--precision float32 turns it off), channels-last"


def _log_folder(runner: Runner) -> Path:
    return Path(runner.cfg.work_dir, runner.timestamp)


def _describe_model(model: nn.Module) -> str:
    model, backbone = without_wrapper(model), _backbone(model)
    names = [type(model).__name__]
    if backbone is not None:
        depth = getattr(backbone, "depth", None)
        names.append(type(backbone).__name__ + (f"-{depth}" if depth else ""))
    number = sum(parameter.numel() for parameter in model.parameters())
    return ", ".join([*names, f"{number / 1e6:.2f} M parameters"])


def _backbone(model: nn.Module) -> nn.Module | None:
    return getattr(without_wrapper(model), "backbone", None)


def _root(loader: dict[str, Any]) -> str:
    root = loader["dataset"].get("data_root")
    return f"{root if is_address(root) else Path(root)}: " if root else ""


def _describe_data(loader: DataLoader[Any]) -> str:
    dataset: Any = loader.dataset
    classes = getattr(dataset, "metainfo", {}).get("classes")
    of_classes = f" of {len(classes)} classes" if classes else ""
    return f"{len(dataset):,} images{of_classes}"


def _describe_device(model: nn.Module) -> str:
    device, threads = next(model.parameters()).device, torch.get_num_threads()
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = f"{device.type}, {threads} thread{'s' if threads > 1 else ''}"
    if isinstance(model, LogicalShards):
        name += f", {model.layout.shards} logical shards"
    processes = get_world_size()
    return name + (f", {processes} processes" if processes > 1 else "")
