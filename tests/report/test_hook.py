"""The hook that ends a run with its report."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_classifier import SMALL

from mmresnet.errors import MissingPackageError
from mmresnet.report import write
from mmresnet.report.hook import ReportHook, command_line

ROOT = Path(__file__).parents[2]


@pytest.fixture
def runner(make_run, monkeypatch):
    monkeypatch.delenv("MMRESNET_REPORT", raising=False)
    return SimpleNamespace(work_dir=str(make_run()), logger=logging.getLogger("of_a_run"))


def test_a_run_ends_with_its_report(runner, caplog):
    caplog.set_level(logging.INFO, "of_a_run")
    ReportHook().after_run(runner)
    assert caplog.messages[-1] == f"Report: {runner.work_dir}/report.html"


@pytest.mark.parametrize(
    "error, level, message",
    [
        (
            MissingPackageError("A report needs plotly."),
            "INFO",
            "No report: A report needs plotly.",
        ),
        (OSError("disk full"), "WARNING", "The report is not written: OSError('disk full')"),
    ],
)
def test_a_failing_report_fails_no_run(error, level, message, runner, monkeypatch, caplog):
    def fail(folder):
        raise error

    monkeypatch.setattr(write, "write_report", fail)
    caplog.set_level(logging.INFO, "of_a_run")
    ReportHook().after_run(runner)
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [(level, message)]


@pytest.mark.full
@pytest.mark.dist
def test_the_first_of_several_processes_writes_it(tiny_images, tmp_path):
    """It builds data sets, which the processes of a group read together."""
    options = {**SMALL, "data_root": str(tiny_images), "train_cfg.max_epochs": 1}
    settings = [f"{key}={value}" for key, value in options.items()]
    command = [sys.executable, "-m", "mmresnet", "train", "resnet50_8xb32_in1k", "--nproc", "2"]
    command += ["--work-dir", str(tmp_path), "--device", "cpu", "--cfg-options", *settings]
    environment = {**os.environ, "MMRESNET_REPORT": "on", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"Report: {tmp_path}/report.html") == 1
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<section id="duplicates">' in text  # for which the training set is built
    assert "could not be made" not in text and "Not looked for" not in text


def test_none_by_request(runner, monkeypatch, tmp_path):
    monkeypatch.setenv("MMRESNET_REPORT", "off")
    ReportHook().after_run(runner)
    assert not list(tmp_path.glob("*/report.html"))


@pytest.mark.parametrize(
    "arguments, line",
    [
        (["/usr/bin/mmresnet", "train", "a b.py"], "mmresnet train 'a b.py'"),
        (["/lib/mmresnet/__main__.py", "train", "a.py"], "mmresnet train a.py"),
        (["tools/train.py", "a.py"], "python tools/train.py a.py"),
        (
            ["/lib/mmresnet/__main__.py", "train", "a", "--nproc", "2", "--launcher", "pytorch"],
            "mmresnet train a --nproc 2",
        ),
        (["train.py", "a", "--launcher", "pytorch"], "python train.py a --launcher pytorch"),
    ],
)
def test_the_command_line(arguments, line):
    assert command_line(arguments) == line
