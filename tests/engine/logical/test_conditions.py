"""What the bits of a run depend on, in its checkpoints."""

import os
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn

from mmresnet.engine.header import _describe_device
from mmresnet.engine.logical import LogicalShards
from mmresnet.engine.logical.conditions import choose_threads, conditions, meet
from mmresnet.engine.logical.layout import Layout
from mmresnet.errors import UserError


class Net(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, *args: object, **kwargs: object) -> dict:
        return {}


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def runner(shards: int | None) -> SimpleNamespace:
    model = Net()
    return SimpleNamespace(
        model=LogicalShards(model, Layout(shards), lambda: 0) if shards else model
    )


def test_threads_do_not_depend_on_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert [choose_threads(shards) for shards in (1, 2, 8, 16)] == [8, 4, 1, 1]


def test_a_resumed_run_computes_with_the_threads_of_the_first() -> None:
    torch.set_num_threads(3)
    saved = conditions(runner(4))
    assert saved["threads"] == 3 and saved["logical_shards"] == 4
    torch.set_num_threads(1)
    assert meet(runner(4), saved) == []
    assert torch.get_num_threads() == 3


def test_the_header_of_a_run_names_the_shards() -> None:
    torch.set_num_threads(1)
    assert _describe_device(runner(4).model) == "cpu, 1 thread, 4 logical shards"


def test_another_machine_is_announced() -> None:
    saved = conditions(runner(4)) | {"torch": "2.6.0"}
    (note,) = meet(runner(4), saved)
    assert note.startswith("PyTorch was 2.6.0 and is ")


def test_another_number_of_shards() -> None:
    with pytest.raises(UserError, match="resume it with logical_shards=2, in any"):
        meet(runner(4), conditions(runner(2)))


def test_runs_without_shards() -> None:
    assert conditions(runner(None)) == {}
    assert meet(runner(None), {}) == []
    (note,) = meet(runner(None), conditions(runner(4)))
    assert "logical_shards=4 and this run none: it continues" in note
    (note,) = meet(runner(2), {})
    assert note.startswith("This run has logical_shards=2 and the checkpoint none")
