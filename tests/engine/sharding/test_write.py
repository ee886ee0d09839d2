"""Folders of shards appear whole or not at all."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(name: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(name)), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.full)])
def test_killed_while_saving(kills: int, tmp_path: Path) -> None:
    """By SIGKILL, one of two processes first; the newest folder that is named is whole."""
    out = run("kill_while_saving.py", tmp_path, kills)
    found = re.search(rf"{kills} kills, (\d+) of them while a folder was written", out)
    assert found is not None, out
    assert kills < 10 or int(found[1]) > kills // 10, out


@pytest.mark.full
@pytest.mark.parametrize("full", ["first", "second"])
def test_a_full_disk_is_reported_and_earlier_folders_stay(full: str, small_disk: Path) -> None:
    """On which the first process has no room left, or the second one alone."""
    out = run("save_on_full_disk.py", small_disk, full)
    assert "could not be written (No space left on device)" in out
    assert "intact: iter_1.dcp" in out
    assert "left: iter_1.dcp last_checkpoint" in out
