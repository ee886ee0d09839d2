"""mmresnet export: mistakes in its arguments are told in one line, before anything is loaded."""

import importlib.util
import shutil

import pytest

from mmresnet.cli.main import main

pytest.importorskip("torch")
pytest.importorskip("mmpretrain")
ARGUMENTS = ["export", "digits_resnet20", "a.pth"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--to", "onyx"],
            "--to takes onnx, torch, aoti, openvino, not 'onyx'. Did you mean 'onnx'?",
        ),
        (["--to", "torch", "--number", "0"], "--number must be at least 1, not 0."),
        (["--to", "torch"], "'a.pth'"),
    ],
)
def test_mistakes(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*ARGUMENTS, *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert list(tmp_path.iterdir()) == []


def test_a_runtime_that_is_not_installed(capsys, monkeypatch):
    find_spec = importlib.util.find_spec
    gone = ("onnx", "onnxruntime")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in gone else find_spec(name)
    )
    assert main([*ARGUMENTS, "--to", "onnx"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--to onnx needs onnx and onnxruntime, which are not installed: pip install" in line


def test_no_compiler(capsys, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert main([*ARGUMENTS, "--to", "aoti"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "there is no C++ compiler here" in line and "--to torch, which needs none" in line
