"""Trainings that are killed and resumed end as those that are not, bit for bit."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_classifier import SMALL

from mmresnet.engine.resume.compare import compare_runs, read_curve

SCRIPT = Path(__file__).with_name("kill_and_resume.py")
CLASSIFIER = {
    **SMALL,
    "default_hooks.checkpoint.by_epoch": False,
    "default_hooks.checkpoint.interval": 2,
}
EMA = {"type": "EMAHook", "momentum": 0.1, "update_buffers": True}


def train(folder: Path, *jobs: dict) -> None:
    path = folder / "jobs.py"
    path.write_text(repr(list(jobs)))
    done = subprocess.run([sys.executable, SCRIPT, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def compare(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """``compare(config, options, kills)`` trains twice, and compares the results."""

    def run(config: str, options: dict, kills: list, processes: int = 1) -> dict[str, str]:
        job = {"config": config, "options": options, "processes": processes}
        whole, killed = str(tmp_path / "unbroken"), str(tmp_path / "killed")
        train(
            tmp_path,
            {**job, "work_dir": whole, "kills": []},
            {**job, "work_dir": killed, "kills": kills},
        )
        return compare_runs(whole, killed)

    return run


@pytest.mark.full  # two processes are a classifier as well
def test_classifier(compare: Callable, tiny_images: Path) -> None:
    """Killed within an epoch, within accumulation, while saving and while validating."""
    options = {
        **CLASSIFIER,
        "data_root": str(tiny_images),
        "custom_hooks": [EMA],
        "optim_wrapper.accumulative_counts": 4,
        "default_hooks.checkpoint.interval": 1,
    }
    kills = [["before_train_iter", 4], ["before_save_checkpoint", 2]]
    report = compare("resnet50_8xb32_in1k", options, kills)
    assert set(report) >= {"weights", "EMA", "optimizer", "random states", "curves"}
    assert set(report.values()) == {"equal"}, report


def test_detector(compare: Callable, small_detector: dict) -> None:
    options = {
        **small_detector,
        "train_cfg.max_epochs": 2,
        "default_hooks.checkpoint.by_epoch": False,
    }
    kills = [["before_train_iter", 2], ["after_val_iter", 2]]
    report = compare("faster-rcnn_r18_fpn_1x_coco", options, kills)
    assert set(report.values()) == {"equal"}, report


def test_two_processes(compare: Callable, tiny_images: Path) -> None:
    """In bfloat16, with a worker for each process."""
    options = {
        **CLASSIFIER,
        "data_root": str(tiny_images),
        "num_workers": 1,
        "optim_wrapper.type": "mmresnet.AmpOptimWrapper",
        "default_hooks.checkpoint.interval": 1,
    }
    kills = [["before_train_iter", 3], ["after_val_iter", 1]]
    report = compare("resnet50_8xb32_in1k", options, kills, processes=2)
    assert set(report.values()) == {"equal"}, report


@pytest.mark.full
def test_epoch_dependent_transforms(compare: Callable, tiny_images: Path) -> None:
    """Progressive resizing and alternating flips, in workers that outlive epochs."""
    crop = {"type": "mmresnet.ProgressiveRandomResizedCrop", "min_scale": 16, "max_scale": 32}
    options = {
        **{key: value for key, value in CLASSIFIER.items() if "pipeline" not in key},
        "data_root": str(tiny_images),
        "num_workers": 2,
        "train_dataloader.dataset.pipeline": [
            {"type": "LoadImageFromFile"},
            {**crop, "begin": 0, "end": 2, "divisor": 8},
            {"type": "mmresnet.AlternatingFlip"},
            {"type": "PackInputs"},
        ],
        "train_cfg.max_epochs": 3,
        "default_hooks.checkpoint.interval": 1,
    }
    kills = [["before_train_iter", 9], ["before_train_iter", 2]]
    report = compare("resnet50_8xb32_in1k", options, kills)
    assert set(report.values()) == {"equal"}, report


@pytest.mark.full
def test_another_number_of_processes(tiny_images: Path, tmp_path: Path) -> None:
    """One process continues with four images per step where two with two each were killed."""
    options = {**CLASSIFIER, "data_root": str(tiny_images), "default_hooks.checkpoint.interval": 1}
    job = {"config": "resnet50_8xb32_in1k", "work_dir": str(tmp_path / "work")}
    two = {**job, "options": options, "processes": 2, "kills": [["before_train_iter", 3]]}
    one = {**job, "options": {**options, "batch_size": 4}, "processes": 1, "kills": []}
    train(tmp_path, {**two, "finish": False}, {**one, "resume": True})
    log = (tmp_path / "work.log").read_text()
    assert "the checkpoint is of 2 × 2 images per step, this run has 1 × 4" in log
    assert "the checkpoint was saved by 2 processes, this run has 1" in log
    steps = [line["step"] for line in read_curve(tmp_path / "work") if "loss" in line]
    assert steps == [1, 2, 3, 4, 5, 6]
