"""The whole training loop for ``gpu.py``: its speed from JPEG files, and its synchronizations."""

import collections
import contextlib
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner


@contextlib.contextmanager
def synchronizations(device: str) -> Iterator[collections.Counter[str]]:
    """Count where the process waits for the GPU, by the line of code."""
    counts: collections.Counter[str] = collections.Counter()
    if device != "cuda":
        yield counts
        return
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield counts
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for one in caught:
        if "synchronizing CUDA operation" in str(one.message):
            path = Path(one.filename)
            counts[f"{path.parent.name}/{path.name}:{one.lineno}"] += 1


@HOOKS.register_module()
class WatchLoop(Hook):
    """Time the iterations from ``first`` on, and count their synchronizations.

    Attributes:
        seconds: The time of an iteration, with all hooks and the wait for the data.
        counts: Synchronizations of an iteration by line.
    """

    priority = "LOWEST"

    def __init__(self, first: int, device: str) -> None:
        self.first, self.device = first, device
        self.seconds = 0.0
        self.counts: dict[str, float] = {}
        self._stack = contextlib.ExitStack()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Begin."""
        if batch_idx == self.first:
            synchronize(self.device)
            self._caught = self._stack.enter_context(synchronizations(self.device))
            self._start = time.perf_counter()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """End with the last iteration."""
        if batch_idx + 1 == len(runner.train_dataloader):
            self._stack.close()
            synchronize(self.device)
            number = batch_idx + 1 - self.first
            self.seconds = (time.perf_counter() - self._start) / number
            self.counts = {line: count / number for line, count in self._caught.items()}


def synchronize(device: str) -> None:
    """Wait until the device is idle."""
    if device == "cuda":
        torch.cuda.synchronize()


def run_loop(
    stock: bool,
    root: Path,
    model: dict[str, Any],
    size: int,
    batch: int,
    workers: int,
    device: str,
) -> WatchLoop:
    """Train on the folders of ``_data.write_jpegs`` for an epoch; its second half is measured.

    Stock is mmpretrain's config and mmengine's Runner, as its ``tools/train.py`` runs them.

    Args:
        model: Settings of the model to override.
    """
    import _data

    from mmresnet.apis import train
    from mmresnet.engine.assembly import building, prepare

    iterations = len(list((root / "train").rglob("*.jpg"))) // batch
    options = {
        **model,
        "custom_hooks": [dict(type="mmengine.WatchLoop", first=iterations // 2, device=device)],
        "train_cfg.max_epochs": 1,
        "default_hooks.checkpoint.interval": 1000,
        **dict.fromkeys(("val_dataloader", "val_evaluator", "val_cfg")),
    }
    if stock:
        cfg = prepare("mmpretrain::resnet/resnet50_8xb32_in1k.py", options)
        cfg.train_dataloader = _data.stock_settings(root, batch, workers, size, device)
        cfg.work_dir, cfg.log_level = str(root / "stock"), "WARNING"
        with building(cfg):
            runner = Runner.from_cfg(cfg)
            runner.train()
    else:
        options |= _data.options(root, batch) | {"num_workers": workers}
        options["train_dataloader.dataset.pipeline.1.scale"] = size
        recipe, work_dir = "resnet50_8xb32_in1k", str(root / "own")
        runner = train(recipe, work_dir, cfg_options=options, device=device)
    return next(one for one in runner.hooks if isinstance(one, WatchLoop))
