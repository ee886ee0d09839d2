"""Two processes average gradients in shared memory, with the bits of gloo's average."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from mmresnet.engine import shared_gradients

SCRIPT = Path(__file__).with_name("average_gradients.py")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What two processes came to, by the way in which they averaged their gradients."""
    folder = tmp_path_factory.mktemp("averaged")
    results = [folder / f"{rank}.pt" for rank in (0, 1)]
    processes = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder / "store"), str(rank), str(results[rank])],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        outputs = [process.communicate(timeout=240)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output
    return [torch.load(path) for path in results]


@pytest.mark.parametrize("way", ["shared", "unused", "copied", "two machines"])
def test_weights_are_those_of_gloo_bit_for_bit(trained, way):
    expected = trained[0]["gloo"]["weights"]
    for found in trained:
        for name, weight in found[way]["weights"].items():
            assert torch.equal(weight, expected[name]), name


def test_gradients_are_shared_from_the_first_step_on(trained):
    for found in trained:
        assert found["shared"]["shared"] == found["unused"]["shared"] == [True] * 4


@pytest.mark.parametrize("way", ["gloo", "compressed", "two machines"])
def test_where_they_are_not(trained, way):
    for found in trained:
        assert not any(found[way]["shared"])


def test_room_for_the_gradients(monkeypatch, tmp_path):
    model = nn.Linear(1000, 1000, bias=False)  # 4 MB
    monkeypatch.setattr(shared_gradients, "_FOLDER", tmp_path)
    sizes = type("Usage", (), {"free": 16_000_000})
    monkeypatch.setattr(shared_gradients.shutil, "disk_usage", lambda folder: sizes)
    assert shared_gradients._has_room(model)
    sizes.free -= 1
    assert not shared_gradients._has_room(model)
    model.weight.requires_grad = False
    assert shared_gradients._has_room(model)
    monkeypatch.setattr(shared_gradients, "_FOLDER", tmp_path / "missing")
    assert not shared_gradients._has_room(model)


def test_where_torch_cannot_share(monkeypatch):
    assert shared_gradients._can_share()
    strategy = torch.multiprocessing.get_sharing_strategy()

    def refuse(tensor):
        assert torch.multiprocessing.get_sharing_strategy() == "file_system"
        raise RuntimeError("torch_shm_manager: permission denied")

    monkeypatch.setattr(torch.Tensor, "share_memory_", refuse)
    assert not shared_gradients._can_share()
    assert torch.multiprocessing.get_sharing_strategy() == strategy
