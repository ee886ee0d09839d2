"""`mmresnet paper`: the list, an experiment, its commands, mistakes, and a whole run."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from mmresnet.cli.main import main
from mmresnet.paper.catalogue import EXPERIMENTS


def test_the_list_has_all_with_data_command_and_figures(capsys):
    assert main(["paper"]) == 0
    out = capsys.readouterr().out
    for name, experiment in EXPERIMENTS.items():
        assert f"{name:8} {experiment.title}\n" in out
    assert "  run    mmresnet paper table3 --data DIR [--small]\n" in out
    assert "ResNet-110 6.43 (6.61 ± 0.16)" in out


def test_an_experiment_has_its_commands_and_its_table(capsys):
    assert main(["paper", "table6"]) == 0
    out = capsys.readouterr().out
    assert "  mmresnet train resnet1202_1xb128_cifar10 --work-dir OUT/resnet-1202 --resume" in out
    assert "| ResNet-20 | 8.75 | 8.27 (akamaster/pytorch_resnet_cifar10) |" in out


def test_a_dry_run_prints_the_commands_alone(capsys, tmp_path):
    words = ["paper", "figure6", "--small", "--data", "my data", "--out", str(tmp_path / "o")]
    assert main([*words, "--epochs", "4", "--nproc", "2", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("mmresnet train --nproc 2 resnet20_1xb128_cifar10-images --work-dir")
    assert "'data_root=my data'" in lines[0] and "'param_scheduler.milestones=[2,3]'" in lines[0]
    assert lines[-1].startswith(f"mmresnet plot errors {tmp_path}/o/figure6.png --panel")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tabel3"], "There is no experiment 'tabel3'. Did you mean 'table3'?"),
        (["--data", "x"], "Name the experiment to run: 'mmresnet paper' lists them."),
        (["figure6", "--small"], "figure6 needs --data DIR with CIFAR-10 as images"),
        (["figure6", "--data", "nowhere"], "--data: there is no folder 'nowhere'; figure6 needs"),
        (["figure6", "--data", ".", "--epochs", "3"], "--epochs 3: give a number from 1 on, with"),
        (["figure6", "--small", "--data", ".", "--epochs", "0"], "--epochs 0: give a number"),
        (["table8", "--small", "--data", "."], "table8 has no small form: leave --small out."),
        (["table13", "--small", "--data", "."], "table13 reads no data here: leave --data out."),
        (["table3", "--markdown"], "--markdown prints the tables of all experiments"),
        (["table1", "--epochs", "3"], "--epochs 3: give a number from 1 on, with --small"),
        (["table1", "--small", "--out", "o", "--nproc", "0"], "--nproc 0: give a number"),
    ],
)
def test_mistakes_are_one_line(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["paper", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def cifar(tmp_path):
    """Images in the layout of CIFAR-10 as folders: ten classes that differ in colour."""
    generator = np.random.default_rng(0)
    for split, count in (("train", 32), ("test", 4)):
        for label in range(10):
            folder = tmp_path / "cifar" / split / f"class{label}"
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(0, 60, (32, 32, 3), dtype=np.uint8)
                pixels[..., label % 3] += np.uint8(19 * label)
                Image.fromarray(pixels).save(folder / f"{index:04}.jpg")
    return tmp_path / "cifar"


@pytest.mark.full
def test_an_interrupted_experiment_goes_on_and_ends_with_a_table_and_a_picture(cifar, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "mmresnet", "paper", "figure7", "--small", "--epochs", "2"]
    command += ["--data", str(cifar), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (out / "plain-56").exists():  # the training's own folder
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGTERM)
    _, errors = process.communicate()
    assert process.returncode != 0
    assert "'plain-56', ended with exit code" in errors
    assert json.loads((out / "steps" / "plain-20.json").read_text())["finished"]

    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith("[1/5] mmresnet train") and first.endswith("  (finished)")
    assert Image.open(out / "figure7.png").size[0] > 500
    rows = {one["row"]: one for one in json.loads((out / "figure7.json").read_text())}
    assert rows.keys() == {"plain-20", "plain-56", "ResNet-20", "ResNet-56"}
    assert (
        f"mmresnet paper figure7 --small --epochs 2 --data {cifar}" in rows["plain-20"]["command"]
    )
    assert "![Standard deviations" in (out / "figure7.md").read_text()
