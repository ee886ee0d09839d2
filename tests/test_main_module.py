"""``python -m mmresnet``: the command, or somebody's script with patches and operators."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPT = """
import sys
import mmengine.runner.checkpoint as checkpoint
from mmcv.ops import nms
print(__name__, sys.argv[1:], sys.path[0], hasattr(checkpoint.load_state_dict, "__wrapped__"))
"""


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "mmresnet", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_a_script_runs_as_by_python_with_patches_and_operators(tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "train.py").write_text(SCRIPT)
    done = run(tmp_path, "tools/train.py", "--flag", "value")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"__main__ ['--flag', 'value'] {tmp_path / 'tools'} True\n"


def test_a_script_that_fails_shows_its_traceback(tmp_path):
    (tmp_path / "fails.py").write_text("raise ValueError('a bug')")
    done = run(tmp_path, "fails.py")
    assert done.returncode == 1
    assert "fails.py" in done.stderr
    assert "ValueError: a bug" in done.stderr


def test_a_script_that_does_not_exist(tmp_path):
    done = run(tmp_path, "no/such.py", "CONFIG")
    assert (done.returncode, done.stderr) == (2, "There is no script 'no/such.py'.\n")


def test_a_command_is_run(tmp_path):
    (tmp_path / "recipes").touch()  # not a script
    done = run(tmp_path, "recipes", "mask-rcnn_r50")
    assert done.returncode == 0, done.stderr
    assert "38.2 box AP" in done.stdout
