"""Of two processes on a machine one parses the annotations, and both share them."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmresnet.datasets.node_shared import once_per_node

REPOSITORY = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("shared_annotations.py")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def two_processes(out, *what):
    """Run ``shared_annotations.py`` in two processes and return what they report."""
    temporary = out / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(temporary)}
    port = str(free_port())
    running = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(rank), port, str(out), *map(str, what)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in running:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors[-3000:]
    assert list(temporary.glob("mmresnet-*")) == []  # nothing is left behind
    return [json.loads((out / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.dist
def test_one_process_makes_arrays_and_both_map_them(tmp_path):
    first, second = two_processes(tmp_path, "arrays")
    assert first.pop("calls") == 2
    assert second.pop("calls") == 0
    assert first == second
    assert first["made_by"] == "0"
    assert first["sum"] == 499500
    assert first["halves"] == [[0.5, 0.5]] * 3
    assert not first["writeable"]
    assert Path(first["file"]).name == "0000.npy"
    assert first["error"] == "this cannot be made"


@pytest.mark.dist
@pytest.mark.full
def test_one_process_of_two_parses_the_annotations(tiny_coco, tmp_path):
    pytest.importorskip("mmdet")
    broken = shutil.copytree(tiny_coco, tmp_path / "data")
    (broken / "train2017" / "000000000001.jpg").unlink()
    first, second = two_processes(tmp_path, tiny_coco, broken)
    assert first.pop("parsed") == 2  # the valid set and the broken one
    assert second.pop("parsed") == 0
    assert first == second
    assert first["file"] is not None
    assert first["classes"] == ["cat", "dog", "owl"]
    assert len(first["data"]) == 6
    assert len(first["errors"]) == 1
    assert "1 of the 6 images" in first["errors"][0]


def test_a_single_process():
    made = [np.arange(3)], "state"
    assert once_per_node(lambda: made) is made
