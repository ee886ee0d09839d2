"""Trainings of real processes on shards in a store that fails now and then."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from faulty_proxy import Fault, Proxy
from small_shards import ADDRESS

pytestmark = pytest.mark.full
ROOT = Path(__file__).parents[3]
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
