"""Trainings of a second or less, by mmengine's own Runner and loops, with our CheckpointHook."""

import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader

import mmresnet.registry  # noqa: F401

_numbers = itertools.count()
_SCORES = (0.2, 0.5, 0.4, 0.6, 0.1, 0.3)


class TinyNet(BaseModel):
    """One weight matrix, and ballast that makes its checkpoints larger."""

    def __init__(self, ballast: int = 0) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(3, 2)
        self.register_buffer("ballast", torch.rand(ballast))

    def forward(self, inputs, labels, mode="tensor"):
        scores = self.fc(inputs)
        if mode == "loss":
            return {"loss": torch.nn.functional.cross_entropy(scores, labels)}
        return scores.argmax(1).tolist()


class Scores(BaseMetric):
    """Gives the next of some scores at each validation."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = iter(_SCORES)

    def process(self, data_batch, data_samples) -> None:
        self.results.append(0)

    def compute_metrics(self, results: list) -> dict:
        return {"score": next(self.scores)}


class At(Hook):
    """Calls ``act(runner)`` in a stage of the training, after this many of its calls."""

    priority = "NORMAL"  # before CheckpointHook

    def __init__(self, stage: str, number: int, act: Callable[[Runner], object]) -> None:
        self.left, self.act = number, act
        setattr(self, stage, self._count)

    def _count(self, runner: Runner, *args, **kwargs) -> None:
        self.left -= 1
        if self.left == 0:
            self.act(runner)


def tiny_run(
    folder: Path,
    *hooks: Hook,
    epochs: int = 2,
    ema: bool = False,
    ballast: int = 0,
    train_cfg: dict | None = None,
    **settings,
) -> Runner:
    """Return a Runner of 4 iterations an epoch; ``settings`` are those of our CheckpointHook."""
    inputs = torch.randn(16, 3, generator=torch.Generator().manual_seed(0))
    data = [(row, int(row.sum() > 0)) for row in inputs]
    torch.manual_seed(0)
    options = {name: settings.pop(name) for name in ("resume", "load_from") if name in settings}
    settings = {"save_best": "score", "rule": "greater", "interval": 1} | settings
    train_cfg = train_cfg or {"by_epoch": True, "max_epochs": epochs}
    order = DefaultSampler if train_cfg["by_epoch"] else InfiniteSampler
    settings.setdefault("type", "mmresnet.CheckpointHook")
    runner = Runner(
        TinyNet(ballast),
        str(folder),
        experiment_name=f"tiny{next(_numbers)}",  # mmengine names global objects by second
        train_dataloader=DataLoader(data, 4, sampler=order(data)),
        val_dataloader=DataLoader(data, 8, sampler=DefaultSampler(data, shuffle=False)),
        val_evaluator=[Scores()],
        val_cfg={},
        train_cfg=train_cfg,
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9}},
        default_hooks={"checkpoint": settings},
        custom_hooks=[{"type": "EMAHook", "momentum": 0.5}] if ema else None,
        randomness={"seed": 0},
        **options,
    )
    for hook in hooks:
        runner.register_hook(hook)
    return runner


def fill_disk(disk: Path) -> None:
    """Write ``filler``, which leaves no room."""
    with (disk / "filler").open("wb", buffering=0) as file:
        for size in (4096, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass


def names(folder: Path) -> list[str]:
    """Return the files of checkpoints, partial ones included."""
    return sorted(p.name for p in folder.rglob("*") if ".pth" in p.name or ".safe" in p.name)
