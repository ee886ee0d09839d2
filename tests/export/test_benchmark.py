"""Exported models are compared with PyTorch, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

from mmresnet.apis import export_model

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RECIPE = "digits_resnet20"


@pytest.mark.full
def test_every_model_answers_in_a_process_of_its_own(tmp_path, small_options, small_checkpoint):
    small_export = tmp_path / "out"
    export_model(RECIPE, small_checkpoint, "torch", small_export, cfg_options=small_options)
    command = [sys.executable, BENCHMARKS / "exported.py", small_export, "-n", "1", "--number", "6"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    names = [row.split(" | ")[0] for row in rows]
    assert names[:2] == ["| PyTorch, float32", "| mmresnet infer"]
    assert f"`{small_export}`" in names[2]
    assert {row.split(" | ")[-1] for row in rows} == {"100.00 |"}
