"""tools/train.py and tools/test.py on a folder of JPEGs: what they write, resume and print."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

CONFIG = "resnet50_8xb32_in1k"


def log_of(folder: Path) -> str:
    return max(folder.glob("2*/*.log")).read_text()


def test_training_writes_checkpoint_config_and_log(trained):
    names = {path.name for path in trained.iterdir()}
    assert {"epoch_1.pth", "last_checkpoint", "resnet50_8xb32_in1k.py"} <= names
    assert any(name.startswith("best_accuracy_top1") for name in names)
    log = log_of(trained)
    assert "System environment:" in log
    assert re.search(r"Config:\nauto_scale_lr ?= ?dict\(", log)
    assert "Hooks will be executed in the following order:" in log
    assert "Epoch(train) [1][3/3]" in log  # 12 images, 4 a step
    assert "eta:" in log
    assert "Training resnet50_8xb32_in1k: ImageClassifier, ResNet-18, " in log
    assert "this run has 1x4 = 4: with --auto-scale-lr it would be 0.1 x 4 / 256" in log


def test_the_terminal_gets_a_summary(call, tiny_images, tmp_path, capsys):
    assert call("train", CONFIG, "--work-dir", tmp_path) == 0
    (log,) = tmp_path.glob("2*/*.log")
    printed = capsys.readouterr()
    patterns = [
        r"Warning: param_scheduler\.milestones: \[30, 60, 90\] lie at or behind the last of 1 .*",
        r"Training resnet50_8xb32_in1k: ImageClassifier, ResNet-18, \d+\.\d\d M parameters",
        rf"  data     {tiny_images}: 12 images of 3 classes; validation: \d images of 3 classes",
        r"  device   cpu, \d+ threads?; (float32|bfloat16 \(--precision float32 turns it off\)), "
        "channels-last, fused SGD",
        r"  lr       0\.1 as in the config, for 256 images per step; this run has 1x4 = 4: .*",
        rf"  output   {tmp_path}",
        rf"  log      {log} has the environment, the config and all iterations as well",
        r"epoch 1/1  loss \d\.\d{4}  accuracy/top1 \d+\.\d{4}  "
        r"[\d,]+(\.\d)? images/s  0:00:00 left",
        rf"Best checkpoint: {tmp_path}/best_accuracy_top1_epoch_1\.pth \(\d+\.\d{{4}}\)",
    ]
    for line, pattern in zip(printed.out.splitlines(), patterns, strict=True):
        assert re.fullmatch(pattern, line), line
    assert printed.err == ""

    path = tmp_path / "epoch_1.pth"
    assert call("test", CONFIG, path, "--work-dir", tmp_path / "test") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Testing resnet50_8xb32_in1k: ImageClassifier, ResNet-18, ")
    assert f"Weights of {path}: ResNet-18, mmpretrain layout" in lines[-2]
    assert len(lines) == 7
    (metrics,) = (line.split()[1] for line in lines if line.startswith("  metrics "))
    value = json.loads(Path(metrics).read_text())["accuracy/top1"]
    assert lines[-1] == f"accuracy/top1: {value:.4f}"


def test_verbose_shows_the_whole_log(call, tmp_path, capsys):
    assert call("train", CONFIG, "--work-dir", tmp_path, "--verbose") == 0
    printed = capsys.readouterr().out
    for words in ("System environment:", "Config:\n", "Hooks will be", "Epoch(train) [1][3/3]"):
        assert words in printed
    assert call("test", CONFIG, tmp_path / "epoch_1.pth", "--work-dir", tmp_path, "--verbose") == 0
    assert "Epoch(test) [" in capsys.readouterr().out


def test_the_metrics_are_those_of_the_training(call, trained, tmp_path, capsys):
    assert call("test", CONFIG, trained / "epoch_1.pth", "--work-dir", tmp_path) == 0
    printed = capsys.readouterr().out.splitlines()[-1]
    assert printed.startswith("accuracy/top1: ")
    scalars = next(trained.glob("2*/vis_data/scalars.json")).read_text().splitlines()
    logged = [json.loads(line) for line in scalars][-1]["accuracy/top1"]
    assert float(printed.split()[-1]) == pytest.approx(logged, abs=1e-3)


def test_resume_continues_where_the_training_ended(call, trained, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    (folder / "last_checkpoint").write_text(str(folder / "epoch_1.pth"))
    more = ["train_cfg.max_epochs=2"]
    assert call("train", CONFIG, "--work-dir", folder, "--resume", options=more) == 0
    assert "Epoch(train) [1]" not in log_of(folder)
    by_folder = torch.load(folder / "epoch_2.pth", weights_only=True)
    assert by_folder["meta"]["iter"] == 6

    other, path = tmp_path / "other", str(trained / "epoch_1.pth")
    assert call("train", CONFIG, "--work-dir", other, "--resume", path, options=more) == 0
    assert torch.load(other / "epoch_2.pth", weights_only=True)["meta"]["iter"] == 6


def test_amp_and_scaled_learning_rate(call, tmp_path):
    assert call("train", CONFIG, "--work-dir", tmp_path, "--amp", "--auto-scale-lr") == 0
    log = log_of(tmp_path)
    assert re.search("lr +scaled: 0.1 x 4 / 256 = 0.0015625", log)
    assert "lr: 1.5625e-03" in log
    assert "type='mmresnet.AmpOptimWrapper'" in log


def test_the_whole_config_is_printed(call, tiny_images, capsys):
    assert call("print_config", CONFIG) == 0
    printed = capsys.readouterr().out
    assert f"data_root='{tiny_images}'" in printed
    assert "milestones=" in printed.replace(" ", "")
