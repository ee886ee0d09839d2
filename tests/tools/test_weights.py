"""``tools/weights.py``, as users call it."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from server import Answer, serving

from mmresnet.cli import command as cli

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "weights.py"
BODY = b"PK\x03\x04" + bytes(1000)


@pytest.fixture
def call(tmp_path, monkeypatch):
    """``call("list", …)`` returns the exit code."""
    for name in ("MMRESNET_OFFLINE", "MMRESNET_MIRROR", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MMRESNET_CACHE", str(tmp_path))
    monkeypatch.setenv("no_proxy", "*")
    main = runpy.run_path(str(TOOL))["main"]
    return lambda *arguments: cli.run(main, list(arguments))


def test_list(call, capsys):
    assert call("list", "torchvision") == 0
    lines = capsys.readouterr().out.splitlines()
    expected = "torchvision://resnet34.imagenet1k_v1 resnet 34 73.31 224 ImageNet-1k BSD-3-Clause"
    assert " ".join(lines[2].split()) == expected
    assert call("list") == 0
    assert len(capsys.readouterr().out.splitlines()) > 100
    assert call("list", "efficientnet") == 2
    assert "no weights with 'efficientnet'" in capsys.readouterr().err


def test_show(call, capsys, tmp_path):
    assert call("show", "open-mmlab://detectron2/resnet50_caffe") == 0
    shown = capsys.readouterr().out
    assert "resnet50_msra-5891d200.pth" in shown
    assert "style 'caffe'" in shown
    assert "BGR channels; mean (103.53, 116.28, 123.675); std (1, 1, 1)" in shown
    assert "file:    not downloaded" in shown
    (tmp_path / "resnet50_msra-5891d200.pth").touch()
    assert call("show", "open-mmlab://detectron2/resnet50_caffe") == 0
    assert f"file:    {tmp_path}" in capsys.readouterr().out
    assert call("show", "torchvision://resnet51") == 2
    assert "Did you mean 'torchvision://resnet5" in capsys.readouterr().err


def test_fetch(call, capsys, tmp_path):
    with serving() as server:
        server.answers["/net.pth"] = [Answer(BODY)]
        assert call("fetch", f"{server.url}/net.pth") == 0
        printed = capsys.readouterr()
        path = Path(printed.out.strip())
        assert path.read_bytes() == BODY
        assert tmp_path in path.parents
        assert "net.pth: downloading http" in printed.err
        assert call("fetch", f"{server.url}/absent.pth") == 2
    assert "answers 404 Not Found. Or download it manually to" in capsys.readouterr().err


def test_help_has_an_example():
    command = [sys.executable, "tools/weights.py", "--help"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    shown = subprocess.check_output(command, cwd=ROOT, env=environment, text=True)
    assert "python tools/weights.py fetch timm://resnet50d.ra2_in1k" in shown
