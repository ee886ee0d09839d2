"""What the command says of arguments that it cannot use; the files are tests/detection's."""

import subprocess
import sys

import pytest

from mmresnet.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.py", "a.pth"], "Give a config and a checkpoint of each of two or more detectors"),
        (["a.py", "a.pth", "b.py", "b.pth", "c.py"], "these are 5 names"),
    ],
)
def test_odd_arguments(arguments, message, tmp_path, capsys):
    out = str(tmp_path / "new")
    assert main(["ensemble-detectors", "--out", out, *arguments]) == 2
    assert message in capsys.readouterr().err


def test_nothing_is_overwritten(tmp_path, capsys):
    members = ["a.py", "a.pth", "b.py", "b.pth"]
    assert main(["ensemble-detectors", "--out", str(tmp_path), *members]) == 2
    assert f"--out: '{tmp_path}' exists" in capsys.readouterr().err


def test_mistakes_are_told_before_torch_is_imported(tmp_path):
    code = (
        "import sys; from mmresnet.cli.main import main\n"
        "main(sys.argv[1:]); assert 'torch' not in sys.modules"
    )
    arguments = ["ensemble-detectors", "--out", str(tmp_path), "a", "b", "c", "d"]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)
