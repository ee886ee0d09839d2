"""``mmresnet train --profile``: real runs, in one and in two processes."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmresnet.engine.profiling.shares import rows_of
from mmresnet.engine.profiling.trace import read_trace

ROOT = Path(__file__).parents[2]
RECIPE = "resnet50_8xb32_in1k"
LONGER = "train_cfg.max_epochs=6"  # of 3 iterations


def rows_printed(text):
    """Return {row: (total, share)} of the table in a text."""
    rows = re.findall(r"^  (\S.*?)  .*?([\d.]+) +([\d.]+)%(?: +\d+)?$", text, re.M)
    return {name.strip(): (float(total), float(share)) for name, total, share in rows}


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_profile_of_a_resumed_run_changes_no_file(call, trained, tmp_path, capfd):
    work = tmp_path / "work"
    shutil.copytree(trained, work)
    # the file names the checkpoint by its absolute path
    (work / "last_checkpoint").write_text(str(work / "epoch_1.pth"))
    before = contents(work)
    assert call("train", RECIPE, "--profile", "--resume", "--work-dir", work, options=[LONGER]) == 0
    text = capfd.readouterr().out
    after = contents(work)
    assert {path: after.get(path) for path in before} == before
    new = [path for path in after if path not in before]
    assert all(work / "profile" in path.parents for path in new)
    assert not [path for path in new if path.suffix == ".pth"]

    assert f"Resuming from '{work / 'epoch_1.pth'}'." in text
    assert "5 training steps of 4 images took " in text
    assert re.search(r"^Bound by \S.*, \d+%; next: ", text, re.M)
    (path,) = (work / "profile").glob("*/trace.json.gz")
    assert f"Trace, for https://ui.perfetto.dev: {path}" in text
    (log,) = (work / "profile").glob("*/*.log")
    assert text[text.index("5 training steps") : text.index("Trace, for")] in log.read_text()

    trace = read_trace(path)
    assert len(trace.steps) == 5
    rows = rows_of(trace)
    whole = sum(step.end - step.start for step in trace.steps) / 5e3
    assert sum(row.total for row in rows) == pytest.approx(whole)
    printed = rows_printed(text)
    assert printed.pop("all") == (pytest.approx(whole, abs=0.006), 100)
    assert printed == {
        row.kind.name: (
            pytest.approx(row.total, abs=0.006),
            pytest.approx(100 * row.total / whole, abs=0.06),
        )
        for row in rows
    }
    calls = {row.kind.name: row.calls for row in rows}
    assert calls["convolutions"] == 2 * 20  # of a ResNet-18, forward and backward
    assert calls["normalization layers"] == 2 * 20
    assert calls["ReLU"] == 2 * 17
    assert calls["input: waiting for data"] >= 1
    assert {"input: transfer, normalization", "losses", "optimizer", "Python, the rest"} <= set(
        calls
    )


def test_a_training_that_is_too_short(error_message, tmp_path):
    assert error_message("train", RECIPE, "--profile", "--resume") == (
        "--profile takes 10 iterations, 5 of them to warm up, and the training has 3 left: train "
        "for longer, or from an earlier checkpoint."
    )
    assert not list(tmp_path.rglob("*.pth"))


@pytest.mark.gpu
def test_on_a_gpu(call, device, tmp_path, capfd):
    arguments = ["train", RECIPE, "--profile", "--device", device, "--work-dir", tmp_path]
    assert call(*arguments, options=[LONGER]) == 0
    assert ("ms of a step, GPU " in capfd.readouterr().out) == (device == "cuda")
    (path,) = tmp_path.glob("profile/*/trace.json.gz")
    trace = read_trace(path)
    rows = {row.kind.name: row for row in rows_of(trace)}
    whole = (trace.steps[-1].end - trace.steps[0].start) / 5e3
    # without a GPU, what the profiler does between two steps belongs to none of them
    assert sum(row.total for row in rows.values()) == pytest.approx(whole, rel=0.05)
    convolutions = rows["convolutions"]
    assert convolutions.forward > 0 and convolutions.backward > 0 and convolutions.calls == 40


@pytest.mark.full
def test_a_detector(call_detector, tmp_path, capfd):
    recipe = "faster-rcnn_r18_fpn_1x_coco"
    options = ["train_cfg.max_epochs=8"]
    assert call_detector("train", recipe, "--profile", "--work-dir", tmp_path, options=options) == 0
    printed = rows_printed(capfd.readouterr().out)
    assert {"RoIAlign", "NMS", "heads, the rest", "losses", "linear layers"} <= printed.keys()
    assert sum(share for name, (_, share) in printed.items() if name != "all") == pytest.approx(
        100, abs=0.05 * len(printed)
    )


@pytest.mark.full
@pytest.mark.dist
def test_two_processes(tiny_images, tmp_path):
    options = {
        "data_root": tiny_images,
        "num_classes": 3,
        "batch_size": 2,
        "num_workers": 1,
        "model.backbone.depth": 18,
        "model.head.in_channels": 512,
        "train_dataloader.dataset.pipeline.1.scale": 32,
        "train_cfg.max_epochs": 4,
    }
    command = [sys.executable, "-m", "mmresnet", "train", RECIPE, "--profile", "--device", "cpu"]
    command += ["--nproc", "2", "--max-restarts", "1", "--work-dir", str(tmp_path), "--cfg-options"]
    run = subprocess.run(
        [*command, *(f"{key}={value}" for key, value in options.items())],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("Bound by ") == 1
    assert "5 training steps of 4 images" in run.stdout
    assert "ms of a step, process 0 " in run.stdout
    assert rows_printed(run.stdout)["communication"][0] > 0
    assert "USDT:" not in run.stderr  # what the profiler writes of itself
    traces = sorted(path.name for path in tmp_path.glob("profile/*/trace*"))
    assert traces == ["trace_rank0.json.gz", "trace_rank1.json.gz"]
    assert not list(tmp_path.rglob("*.pth"))
