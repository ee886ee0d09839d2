"""SIGTERM and SIGINT end mmresnet train in one process and in two."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
# a long training, which notes when it has begun
HOOK = """
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module(force=True)
class Begun(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 4:
            Path(runner.work_dir, "begun").touch()
"""
SETTINGS = [
    "num_classes=3",
    "batch_size=2",
    "num_workers=1",
    "model.backbone.depth=18",
    "model.backbone.stem_channels=8",
    "model.backbone.base_channels=8",
    "model.head.in_channels=64",
    "train_dataloader.dataset.pipeline.1.scale=64",
    "val_dataloader.dataset.pipeline.2.crop_size=64",
    "train_cfg.max_epochs=1000",
    "train_cfg.val_interval=1000",
    "default_hooks.checkpoint.interval=1000",
    "custom_imports.imports=begun",
    "custom_hooks=[dict(type='Begun')]",
]


@pytest.fixture
def start(tiny_images, tmp_path):
    """``start(*arguments)`` starts a training of our command, in a session of its own."""
    (tmp_path / "begun.py").write_text(HOOK)
    config = tmp_path / "long.py"
    base = str(ROOT / "configs" / "resnet50_8xb32_in1k.py")
    config.write_text(
        f"_base_ = [{base!r}]\ncustom_imports = dict(imports=['begun'])\n"
        "custom_hooks = [dict(type='Begun')]\n"
    )
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    running = []

    def run(*arguments) -> subprocess.Popen:
        command = [sys.executable, "-m", "mmresnet", "train", str(config), "--device", "cpu"]
        command += ["--work-dir", str(tmp_path / "work"), *arguments]
        options = ["--cfg-options", f"data_root={tiny_images}", *SETTINGS[:-2]]
        running.append(
            subprocess.Popen(
                [*command, *options],
                env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return running[-1]

    yield run
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(path: Path, process: subprocess.Popen) -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()[1][-3000:]
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("processes", "number", "whole_group"),
    [
        pytest.param(1, "SIGTERM", True, marks=pytest.mark.full),
        pytest.param(1, "SIGINT", True, marks=pytest.mark.full),
        (2, "SIGTERM", False),
        pytest.param(2, "SIGTERM", True, marks=pytest.mark.full),
        pytest.param(2, "SIGINT", False, marks=pytest.mark.full),
        pytest.param(2, "SIGINT", True, marks=pytest.mark.full),
    ],
)
def test_a_signal(processes, number, whole_group, start, tmp_path):
    """To the process that was started, as a scheduler does it, or also to those that it started
    and to the workers of its data loader, as a terminal and other schedulers do."""
    several = ["--nproc", str(processes)] if processes > 1 else []
    process = start(*several)
    wait_for(tmp_path / "work" / "begun", process)
    signum = signal.Signals[number]
    (os.killpg if whole_group else os.kill)(process.pid, signum)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signum, out[-1500:] + err[-3000:]
    (line,) = re.findall(rf"Stopped by {number} after iteration (\d+): (.*)", out)
    saved = tmp_path / "work" / f"iter_{line[0]}.pth"
    assert line[1] == f"--resume continues from '{saved}'."
    assert torch.load(saved, weights_only=False)["meta"]["iter"] == int(line[0])
    assert "Traceback" not in err
    (hint,) = [text for text in err.splitlines() if text.startswith("Interrupted")]
    assert hint.endswith(" --resume") or "same command with --resume" in hint, err
