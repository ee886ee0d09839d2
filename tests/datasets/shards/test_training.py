"""Trainings of real processes on shards in a store that fails now and then."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from faulty_proxy import Fault, Proxy
from small_shards import ADDRESS

from mmresnet.engine.resume.compare import compare_runs

pytestmark = pytest.mark.full
ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tests" / "engine" / "resume" / "kill_and_resume.py"
SMALL = ["num_classes=3", "batch_size=4", "num_workers=2", "train_cfg.max_epochs=2"]


def start(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mmresnet", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def run(*arguments: object) -> str:
    done = start(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def weights(folder: Path) -> dict[str, torch.Tensor]:
    path = max(folder.glob("*.pth"), key=lambda one: one.stat().st_mtime)
    return torch.load(path, weights_only=False)["state_dict"]


def test_a_training_is_the_same_as_from_the_folder(
    images: Path, store: Proxy, tmp_path: Path
) -> None:
    # every third request fails, by turns in two ways
    faults = Fault(status=503), Fault(cut_after=1000)
    store.fault = lambda method, path, times: (
        faults[len(store.asked) % 2] if len(store.asked) % 3 == 0 else None
    )
    for name, root in (("folder", images), ("store", ADDRESS)):
        options = [*SMALL, f"data_root={root}", "randomness.deterministic=True"]
        run("train", "digits_resnet20", "--work-dir", tmp_path / name, "--cfg-options", *options)
    expected, found = weights(tmp_path / "folder"), weights(tmp_path / "store")
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_killed_trainings_go_on_exactly(
    store: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE_LIMIT", "100KB")
    sampler = "{'type': 'mmresnet.ShardSampler', 'streams': 2}"
    options = [*SMALL[:3], "train_cfg.max_epochs=6", f"data_root={ADDRESS}"]
    options += [f"train_dataloader.sampler={sampler}"]
    arguments = ["--kills", 2, "--save-every", 3, "--work-dir", tmp_path]
    said = run("crash-test", "digits_resnet20", *arguments, "--cfg-options", *options)
    assert "PASS: killed and resumed 2 times" in said


@pytest.mark.parametrize("kind", ["DefaultSampler", "ShardSampler"])
@pytest.mark.dist
def test_two_processes_are_killed_and_one_goes_on_as_from_the_folder(
    kind: str, images: Path, shards: Path, store: Proxy, tmp_path: Path
) -> None:
    """In logical shards, hence bit for bit; with other numbers of workers; requests fail."""
    faults = Fault(status=503), Fault(cut_after=1000)
    store.fault = lambda method, path, times: (
        faults[len(store.asked) % 2] if len(store.asked) % 5 == 0 else None
    )
    options = {
        "num_classes": 3,
        "batch_size": 4,
        "logical_shards": 2,
        "train_cfg.max_epochs": 2,
        "default_hooks.checkpoint.by_epoch": False,
        "default_hooks.checkpoint.interval": 1,
    }
    source = images
    if kind == "ShardSampler":  # whose order is another, and the same from shards in a folder
        options["train_dataloader.sampler"] = {"type": "mmresnet.ShardSampler", "streams": 2}
        source = shards

    def job(name: str, root: object, processes: int, workers: int, **more: object) -> dict:
        own = {**options, "data_root": str(root), "num_workers": workers}
        named = {"config": "digits_resnet20", "options": own, "work_dir": str(tmp_path / name)}
        return {**named, "processes": processes, "kills": [], **more}

    kills = [["before_train_iter", 4]]  # of six in an epoch
    jobs = [job("whole", source, 1, 0)]
    jobs += [job("killed", ADDRESS, 2, 1, kills=kills, finish=False)]
    jobs += [job("killed", ADDRESS, 1, 2, resume=True)]
    path = tmp_path / "jobs.py"
    path.write_text(repr(jobs))
    done = subprocess.run([sys.executable, SCRIPT, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = compare_runs(tmp_path / "whole", tmp_path / "killed")
    assert set(report) >= {"weights", "optimizer", "curves"}
    assert set(report.values()) == {"equal"}, report


def test_an_epoch_fetches_each_shard_once(store: Proxy, tmp_path: Path) -> None:
    options = [*SMALL, f"data_root={ADDRESS}", "train_cfg.max_epochs=3"]
    run("train", "digits_resnet20", "--work-dir", tmp_path, "--cfg-options", *options)
    assert set(Counter(store.gets()).values()) == {1}


def test_a_store_that_is_gone_ends_the_training_with_one_error(
    store: Proxy, tmp_path: Path
) -> None:
    store.fault = lambda method, path, times: (
        Fault(status=403) if path.endswith("train-00001.tar") else None
    )
    options = [*SMALL, f"data_root={ADDRESS}"]
    arguments = ["train", "digits_resnet20", "--work-dir", tmp_path, "--cfg-options", *options]
    done = start(*arguments)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "train-00001.tar' cannot be read: the store answers 403" in last
    assert "Traceback" not in done.stderr
