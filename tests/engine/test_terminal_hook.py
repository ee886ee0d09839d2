"""The lines of a training: one an epoch, or one an interval, and the best checkpoint."""

import re

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from torch import nn
from torch.utils.data import Dataset

from mmresnet.engine.runner import QuietRunner

SPEED = r"[\d,]+(\.\d)? images/s  \d:\d\d:\d\d left"


class Numbers(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return {"inputs": torch.tensor([float(index)])}


class Model(BaseModel):
    """Its loss is 1 in the first iteration, 2 in the second, …"""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.iterations = 0

    def forward(self, inputs, mode="loss"):
        if mode != "loss":
            return [1]
        self.iterations += 1
        return {"loss": self.weight.sum() * 0 + self.iterations}


class Scores(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        return {"mAP": 0.5, "mAP_50": 0.75, "AR": 0.25, "confusion": torch.eye(2)}


def loader():
    return {
        "batch_size": 2,
        "num_workers": 0,
        "dataset": Numbers(),
        "sampler": {"type": "DefaultSampler", "shuffle": False},
    }


@pytest.fixture
def train(tmp_path, capsys, request):
    """``train(train_cfg)`` returns the lines that a training prints after its header."""

    def run(train_cfg, validate=True, **settings):
        validation = {
            "val_dataloader": loader(),
            "val_cfg": {},
            "val_evaluator": [Scores(prefix="coco")],
        }
        cfg = {
            "model": Model(),
            "work_dir": str(tmp_path),
            "train_dataloader": loader(),
            "train_cfg": train_cfg,
            "optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.1}},
            "custom_hooks": [{"type": "mmresnet.TerminalHook"}],
            "experiment_name": re.sub(r"\W", "_", request.node.name),
            **(validation if validate else {}),
            **settings,
        }
        for_header = {
            "work_dir": str(tmp_path),
            "train_dataloader": {"batch_size": 2, "dataset": {}},
            "val_dataloader": {"dataset": {}},
            "optim_wrapper": {"optimizer": {"lr": 0.1}},
        }
        QuietRunner(**cfg, cfg=for_header).train()
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("Training a model: Model, ")
        return lines[6:]

    return run


def check(lines, patterns):
    assert len(lines) == len(patterns), lines
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), line


def test_a_line_an_epoch_with_the_metrics(train):
    """Four iterations an epoch, so that the mean losses are 2.5 and 6.5."""
    lines = train({"by_epoch": True, "max_epochs": 2})
    metrics = r"coco/mAP 0\.5000  coco/AR 0\.2500"
    check(
        lines,
        [
            rf"epoch 1/2  loss 2\.5000  {metrics}  {SPEED}",
            rf"epoch 2/2  loss 6\.5000  {metrics}  {SPEED}",
        ],
    )
    assert lines[1].endswith("  0:00:00 left")


def test_epochs_without_validation(train):
    lines = train({"by_epoch": True, "max_epochs": 3, "val_interval": 2})
    check(
        lines,
        [
            rf"epoch 1/3  loss 2\.5000  {SPEED}",
            rf"epoch 2/3  loss 6\.5000  coco/mAP .*{SPEED}",
            rf"epoch 3/3  loss 10\.5000  coco/mAP .*{SPEED}",
        ],
    )


def test_without_a_validation_set(train):
    lines = train({"by_epoch": True, "max_epochs": 10}, validate=False)
    check(lines, [rf"epoch {n:>2}/10  loss {4 * n - 1.5:.4f}  {SPEED}" for n in range(1, 11)])


@pytest.mark.parametrize("validate", [True, False])
def test_a_line_an_interval(validate, train):
    lines = train({"by_epoch": False, "max_iters": 10, "val_interval": 4}, validate=validate)
    metrics = "coco/mAP .*" if validate else ""
    check(
        lines,
        [
            rf"iteration  4/10  loss 2\.5000  {metrics}{SPEED}",
            rf"iteration  8/10  loss 6\.5000  {metrics}{SPEED}",
            rf"iteration 10/10  loss 9\.5000  {metrics}{SPEED}",
        ],
    )


def test_the_best_checkpoint(train, tmp_path):
    hooks = {"checkpoint": {"type": "CheckpointHook", "save_best": "coco/mAP"}}
    lines = train({"by_epoch": True, "max_epochs": 1}, default_hooks=hooks)
    assert lines[1:] == [f"Best checkpoint: {tmp_path}/best_coco_mAP_epoch_1.pth (0.5000)"]
