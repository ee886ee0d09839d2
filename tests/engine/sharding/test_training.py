"""Sharded trainings: losses, exactness, and other numbers of processes."""

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from small_classifier import SMALL

from mmresnet.cli.main import main
from mmresnet.config.preflight.initial_weights import check_exists
from mmresnet.engine.resume.compare import compare_runs, differences, read_curve
from mmresnet.weights.checkpoint import read

SCRIPT = Path(__file__).parents[1] / "resume" / "kill_and_resume.py"
FSDP2 = {"strategy.type": "mmresnet.FSDP2"}
CLASSIFIER = {
    **SMALL,
    "optim_wrapper.optimizer.lr": 0.01,
    "train_dataloader.dataset.pipeline.1.scale": 64,
    "val_dataloader.dataset.pipeline.2.crop_size": 64,
    "default_hooks.checkpoint.by_epoch": False,
    "default_hooks.checkpoint.interval": 1,
}


def job(folder: Path, options: dict, processes: int = 2, **more: object) -> dict:
    kind = "faster-rcnn_r18_fpn_1x_coco" if "model.neck.in_channels" in options else None
    return {
        "config": kind or "resnet50_8xb32_in1k",
        "options": options,
        "work_dir": str(folder),
        "processes": processes,
        "kills": [],
        **more,
    }


def train(folder: Path, *jobs: dict) -> None:
    path = folder / "jobs.py"
    path.write_text(repr(list(jobs)))
    done = subprocess.run([sys.executable, SCRIPT, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def losses(folder: Path) -> list[float]:
    return [line["loss"] for line in read_curve(folder) if "loss" in line]


@pytest.mark.full
@pytest.mark.parametrize("processes", [(2, 1), (4, 2, 1)], ids=str)
def test_fewer_processes_go_on(
    processes: tuple[int, ...], tiny_images: Path, tmp_path: Path
) -> None:
    """Each killed but the last; what several have saved becomes a file of one."""
    work = tmp_path / "work"
    options = {
        **CLASSIFIER,
        **FSDP2,
        "data_root": str(tiny_images),
        "train_cfg.max_epochs": 4,
        "val_dataloader.sampler.round_up": False,  # so that batches differ in number
    }
    jobs = []
    for place, number in enumerate(processes):
        sizes = {"batch_size": 8 // number, "val_dataloader.batch_size": 1}
        one = job(work, {**options, **sizes}, number, resume=place > 0)
        if number > 1:
            one |= {"kills": [["before_train_iter", 3 + (place == 0)]], "finish": False}
        jobs.append(one)
    train(tmp_path, *jobs)
    log = (tmp_path / "work.log").read_text()
    assert "Resuming from" in log
    for before, after in pairwise(processes):
        assert f"was saved by {before} processes, this run has {after}" in log
    steps = [line["step"] for line in read_curve(work) if "loss" in line]
    assert steps == list(range(1, 9))
    assert Path((work / "last_checkpoint").read_text()).name == "iter_8.pth"
    folders = sorted(path.name for path in work.glob("*.dcp"))
    check_exists(str(work / folders[-1]))
    assert folders, "the sharded checkpoints were kept"
    assert main(["convert", str(work / folders[-1]), str(tmp_path / "plain.pth")]) == 0
    plain = torch.load(tmp_path / "plain.pth", weights_only=True)
    for part in ("state_dict", "optimizer", "training_state"):
        assert not list(differences(plain[part], read(work / folders[-1])[part]))
    momentum = plain["optimizer"]["state"][0]["momentum_buffer"]
    assert momentum.shape == plain["state_dict"]["backbone.conv1.weight"].shape


@pytest.mark.full
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_killed_and_resumed(precision: str, tiny_images: Path, tmp_path: Path) -> None:
    """By as many processes, it ends with the same bits: also within accumulated gradients."""
    options = {
        **CLASSIFIER,
        **FSDP2,
        "data_root": str(tiny_images),
        "precision": precision,
        "optim_wrapper.accumulative_counts": 2,
        "strategy.activation_checkpointing": precision == "bfloat16",
        "strategy.reduce_dtype": precision,
    }
    if precision == "bfloat16":  # wide enough for groups of a block
        options |= {"model.backbone.base_channels": 48, "model.head.in_channels": 384}
    kills = [["before_train_iter", 4], ["before_save_checkpoint", 2], ["after_val_iter", 1]]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(tmp_path, job(whole, options), job(killed, options, kills=kills))
    report = compare_runs(whole, killed)
    assert set(report) >= {"weights", "optimizer", "random states", "curves"}
    assert set(report.values()) == {"equal"}, report


@pytest.mark.full
@pytest.mark.parametrize("kind", ["classifier", "detector"])
def test_losses_of_data_parallelism(
    kind: str, tiny_images: Path, small_detector: dict, tmp_path: Path
) -> None:
    """Over 50 steps of two processes."""
    options = {
        **CLASSIFIER,
        "data_root": str(tiny_images),
        "train_cfg.max_epochs": 25,
        "batch_size": 3,
    }
    if kind == "detector":
        options = {**small_detector, "train_cfg.max_epochs": 25, "batch_size": 2}
    options |= {"train_cfg.val_interval": 25, "default_hooks.checkpoint.interval": 1000}
    options |= {"precision": "float32", "log_processor.window_size": 1}
    plain, sharded = tmp_path / "plain", tmp_path / "sharded"
    train(tmp_path, job(plain, options), job(sharded, {**options, **FSDP2}))
    pairs = list(zip(losses(plain), losses(sharded), strict=True))
    assert len(pairs) == 50
    print(json.dumps([kind, pairs]))
    assert max(abs(a - b) / abs(a) for a, b in pairs) < 1e-5
    metrics = [read_curve(folder)[-1] for folder in (plain, sharded)]
    assert {"accuracy/top1", "coco/bbox_mAP"} & metrics[0].keys()
    assert metrics[1] == pytest.approx(metrics[0], abs=1e-3)


@pytest.mark.full
def test_a_non_finite_loss_is_explained_as_without_shards(
    tiny_images: Path, tmp_path: Path
) -> None:
    """The processes gather the weights and compute the step again; the batch is saved."""
    said = []
    for name, strategy in (("plain", {}), ("sharded", FSDP2)):
        options = {**CLASSIFIER, **strategy, "data_root": str(tiny_images)}
        options |= {"optim_wrapper.optimizer.lr": 1e30, "train_cfg.max_epochs": 4}
        (tmp_path / "jobs.py").write_text(repr([job(tmp_path / name, options)]))
        command = [sys.executable, SCRIPT, tmp_path / "jobs.py"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode != 0
        messages = [line for line in done.stderr.splitlines() if "Non-finite" in line]
        text, _, place = messages[0].partition(" To compute it again: ")
        said.append(re.sub(r"^\[rank\d\]: ", "", text))  # either process may be the first
        content = torch.load(place.split()[-1], weights_only=True)
        assert {type(value) for value in content["model"].values()} == {torch.Tensor}
    assert said[0] == said[1]
    assert "the first non-finite output is that of backbone." in said[0]
