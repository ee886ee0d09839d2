"""Training steps of logical shards in real processes have the same bits for any number of them."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn

from mmresnet.engine.logical import LogicalShards
from mmresnet.engine.logical.layout import Layout
from mmresnet.engine.resume.compare import differences
from mmresnet.errors import UserError

SCRIPT = Path(__file__).with_name("train_shards.py")


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[dict]]:
    """What each process of one, two and four has after a training of four shards."""
    folder = tmp_path_factory.mktemp("ends")
    command = [sys.executable, SCRIPT, folder, "4", "1", "2", "4"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {n: torch.load(folder / f"{n}.pt", weights_only=True) for n in (1, 2, 4)}


@pytest.mark.parametrize("processes", [2, 4])
def test_same_bits(ends: dict[int, list[dict]], processes: int) -> None:
    """Weights, statistics, momentum, logged values, random states; with accumulation, clipping."""
    (alone,) = ends[1]
    assert len(ends[processes]) == processes
    for end in ends[processes]:
        assert list(differences(alone, end)) == []


def test_something_was_trained(ends: dict[int, list[dict]]) -> None:
    (alone,) = ends[1]
    assert alone["model"]["norm.num_batches_tracked"] == 6
    assert alone["model"]["rare.weight"].abs().sum() > 0
    assert alone["unused"] is None  # where zeros would let weight decay change it
    assert len(alone["optimizer"]["state"]) == len(list(alone["model"])) - 3 - 2
    losses = [float(one["loss"]) for one in alone["logged"]]
    assert len(set(losses)) == 6


class _Own(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, *args: object, **kwargs: object) -> dict:
        return {}

    def train_step(self, data: object, optim_wrapper: object) -> dict:
        return {}


def test_a_model_with_steps_of_its_own() -> None:
    with pytest.raises(UserError, match="_Own computes training steps in its own way"):
        LogicalShards(_Own(), Layout(2), lambda: 0)
