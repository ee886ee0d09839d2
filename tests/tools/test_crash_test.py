"""tools/crash_test.py: real processes, killed at random moments."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLASSIFIER = [
    "num_classes=3",
    "batch_size=2",
    "num_workers=2",
    "model.backbone.depth=18",
    "model.backbone.stem_channels=8",
    "model.backbone.base_channels=8",
    "model.head.in_channels=64",
    "train_dataloader.dataset.pipeline.1.scale=64",
    "val_dataloader.dataset.pipeline.2.crop_size=64",
    "train_cfg.max_epochs=10",
]
CASES = {
    "classifier": ([], []),
    "bfloat16": (["--amp"], []),
    "averaged weights and accumulation": (
        [],
        [
            "custom_hooks=[{'type': 'EMAHook', 'momentum': 0.01}]",
            "optim_wrapper.accumulative_counts=4",
        ],
    ),
    "two processes": (["--nproc", "2"], ["train_cfg.max_epochs=20"]),
    "another number of processes each time": (
        ["--nproc", "4", "1", "2"],
        ["logical_shards=4", "batch_size=1"],
    ),
    "iterations": (
        [],
        ["train_cfg={'_delete_': True, 'by_epoch': False, 'max_iters': 60, 'val_interval': 7}"],
    ),
}


@pytest.mark.parametrize("option", ["--kills", "--save-every", "--nproc"])
def test_mistakes(error_message: Callable[..., str], option: str) -> None:
    assert error_message("crash_test", "digits_resnet20", option, "0") == (
        f"{option} must be at least 1."
    )


def crash_test(config: str, folder: Path, arguments: list, options: list) -> str:
    command = [sys.executable, ROOT / "tools" / "crash_test.py", config, "--save-every", "3"]
    command += ["--work-dir", folder, *arguments, "--cfg-options", *options]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.full
@pytest.mark.parametrize("case", CASES)
def test_classifiers(case: str, tiny_images: Path, tmp_path: Path) -> None:
    arguments, options = CASES[case]
    options = [f"data_root={tiny_images}", *CLASSIFIER, *options]
    printed = crash_test("resnet50_8xb32_in1k", tmp_path, ["--kills", "20", *arguments], options)
    assert "PASS: killed and resumed 20 times" in printed
    assert ("EMA" in printed) == ("averaged" in case)


@pytest.mark.full
def test_detector(small_detector: dict, tmp_path: Path) -> None:
    options = [f"{key}={value}" for key, value in small_detector.items()]
    options += ["train_cfg.max_epochs=8", "num_workers=2"]
    config = "faster-rcnn_r18_fpn_1x_coco"
    printed = crash_test(config, tmp_path, ["--kills", "20"], options)
    assert "PASS: killed and resumed 20 times" in printed


@pytest.mark.full
def test_a_difference_fails(tiny_images: Path, tmp_path: Path) -> None:
    """A run whose pipeline draws from a generator of its own is not exact, and the tool says so."""
    (tmp_path / "own_generator.py").write_text(OWN_GENERATOR)
    options = [f"data_root={tiny_images}", *CLASSIFIER, "num_workers=0"]
    options += ["custom_imports={'imports': ['own_generator']}", "train_cfg.max_epochs=2"]
    options += ["train_dataloader.dataset.pipeline.2.type=mmengine.FlipByOwnGenerator"]
    command = [sys.executable, ROOT / "tools" / "crash_test.py", "resnet50_8xb32_in1k"]
    command += ["--kills", "1", "--save-every", "2", "--work-dir", tmp_path / "work"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [*map(str, command), "--cfg-options", *options],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL: killed and resumed 1 times" in done.stdout


OWN_GENERATOR = """
import time

import numpy as np
from mmengine.registry import TRANSFORMS

generator = np.random.default_rng(time.time_ns())


@TRANSFORMS.register_module(force=True)
class FlipByOwnGenerator:
    def __init__(self, **_):
        pass

    def __call__(self, results):
        if generator.random() < 0.5:
            results["img"] = results["img"][:, ::-1].copy()
        return results
"""
