"""Upstream's tests on our classes, by small checkouts that stand in for upstream's."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmresnet.cli import command as cli
from mmresnet.ops import has_compiled_operators

TOOL = Path(__file__).parents[2] / "tools" / "test_upstream.py"
TESTS = {
    "mmcv": """
import pytest
import torch
from mmcv.ops import bbox_overlaps, carafe

def test_overlaps():
    box = torch.tensor([[0.0, 0, 1, 1]])
    assert bbox_overlaps(box, box).item() == 1

def test_missing():
    carafe(torch.zeros(1, 1, 2, 2), torch.zeros(1, 9, 4, 4), 3, 1, 2)
""",
    "mmpretrain": """
from pathlib import Path

import pytest
from mmpretrain.models import losses
from mmpretrain.models.backbones import ResNet, ResNeXt
from mmpretrain.models.backbones.resnet import ResNet as Theirs
from mmpretrain.registry import MODELS

def test_classes():
    assert (Path.cwd() / "tests" / "test_models").is_dir()
    assert ResNet.__mro__[1].__module__ == "mmresnet.models.backbones.resnet"
    assert type(MODELS.build(dict(type="ResNet", depth=18))) is ResNet
    assert isinstance(ResNeXt(depth=50), Theirs)
    assert losses.LabelSmoothLoss(0.1).ce.__module__ == "mmresnet.models.losses.cross_entropy"

def test_errors():
    with pytest.raises(AssertionError):
        ResNet(50, style="tensorflow")

def test_weights():
    pretrained = dict(type="Pretrained", checkpoint="torchvision://resnet50")
    ResNet(50, init_cfg=pretrained).init_weights()

def test_download():
    pretrained = dict(type="Pretrained", checkpoint="torchvision://resnet101")
    ResNet(101, init_cfg=pretrained).init_weights()
""",
    "mmdet": """
from mmdet.models.backbones import ResNet
from mmdet.testing import get_detector_cfg

def test_defaults():
    net = ResNet(18)
    assert net.out_indices == (0, 1, 2, 3) and net.norm_eval

def test_configs():
    assert get_detector_cfg("some.py") == dict(type="Some")
""",
}
FOLDERS = {"mmcv": "test_ops", "mmpretrain": "test_models", "mmdet": "test_models"}


@pytest.fixture
def checkout(tmp_path: Path):
    """``checkout(package, more)`` returns the folder of its tests, with ``more`` code in them."""

    def make(package: str, more: str = "") -> Path:
        pytest.importorskip(package)
        folder = tmp_path / package / "tests" / FOLDERS[package]
        folder.mkdir(parents=True)
        (folder / "test_one.py").write_text(TESTS[package] + more)
        (tmp_path / package / package).mkdir()  # the package itself, which must not be imported
        (tmp_path / package / package / "__init__.py").write_text("raise ImportError")
        (tmp_path / package / "configs").mkdir()
        (tmp_path / package / "configs" / "some.py").write_text("model = dict(type='Some')")
        return folder.parent

    return make


def run(*arguments: str | Path, cache: Path) -> subprocess.CompletedProcess:
    env = {**os.environ, "MMRESNET_CACHE": str(cache)}
    return subprocess.run(
        [sys.executable, str(TOOL), *map(str, arguments)], env=env, capture_output=True, text=True
    )


@pytest.mark.full
def test_our_parts_are_tested_and_known_failures_are_reported(checkout, tmp_path) -> None:
    done = run(f"mmpretrain={checkout('mmpretrain')}", cache=tmp_path)
    assert "3 passed, 1 xfailed" in done.stdout, done.stdout + done.stderr
    assert re.search(r"XFAIL \S+::test_download - needs a download", done.stdout)
    assert done.returncode == 0


@pytest.mark.full
@pytest.mark.skipif(has_compiled_operators(), reason="mmcv's own operators are in use")
def test_operators_and_another_failure(checkout, tmp_path) -> None:
    more = "\ndef test_other():\n    assert bbox_overlaps is None\n"
    done = run(f"mmcv={checkout('mmcv', more)}", cache=tmp_path)
    assert "1 failed, 1 passed, 1 xfailed" in done.stdout, done.stdout + done.stderr
    assert "test_missing - carafe_forward is not provided: FPN_CARAFE" in done.stdout
    assert done.returncode == 1
    done = run(f"mmcv={tmp_path / 'mmcv/tests'}", "--", "-k", "not test_other", cache=tmp_path)
    assert "1 passed, 1 deselected, 1 xfailed" in done.stdout
    assert done.returncode == 0


@pytest.mark.full
def test_a_test_that_cannot_be_imported_is_a_failure(checkout, tmp_path) -> None:
    done = run(f"mmpretrain={checkout('mmpretrain', 'import absent')}", cache=tmp_path)
    assert "1 error" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1


@pytest.mark.full
def test_mmdets_defaults_and_configs(checkout, tmp_path) -> None:
    pytest.importorskip("parameterized")
    done = run(f"mmdet={checkout('mmdet')}", cache=tmp_path)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def test_error_messages(load_tool, monkeypatch, tmp_path, capsys) -> None:
    tool = load_tool("test_upstream")
    for name in tool.FOLDERS:
        monkeypatch.delenv(f"{name.upper()}_TESTS", raising=False)

    def error(*arguments: str) -> str:
        assert cli.run(tool.main, list(arguments)) == 2
        return capsys.readouterr().err

    assert "Name a folder of tests, as in mmdet=mmdetection/tests" in error()
    assert "'mmpose' is not one of mmcv, mmpretrain, mmdet" in error("mmpose=tests")
    assert "no folder 'test_ops' in it" in error(f"mmcv={tmp_path}")
    monkeypatch.setenv("MMCV_TESTS", str(tmp_path / "absent"))
    assert f"mmcv={tmp_path / 'absent'}: there is no folder" in error()
    (tmp_path / "test_models").mkdir()
    monkeypatch.setattr(tool.importlib.util, "find_spec", lambda name: None)
    assert "pip install parameterized" in error(f"mmdet={tmp_path}")
