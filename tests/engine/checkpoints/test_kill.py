"""A process that is killed with -9 while it saves leaves intact checkpoints only."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.full)])
def test_killed_while_saving(kills, tmp_path):
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "engine")])
    script = Path(__file__).with_name("kill_while_saving.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), str(kills)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = re.search(rf"{kills} kills, (\d+) of them while a file was written", done.stdout)
    assert kills < 10 or int(found[1]) > kills // 10, done.stdout
