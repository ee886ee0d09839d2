"""``python -m mmresnet``: the command, or somebody's script with patches and operators."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmresnet.compat.installed_packages import get_installed_path
from mmresnet.datasets.demo.digit_scenes import write_digit_scenes
from mmresnet.datasets.demo.digits import write_digits

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
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
    )


def test_a_script_runs_as_by_python_with_patches_and_operators(tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "train.py").write_text(SCRIPT)
    done = run(tmp_path, "tools/train.py", "--flag", "value")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"__main__ ['--flag', 'value'] {tmp_path / 'tools'} True\n"


@pytest.mark.full
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


DIGITS = str(ROOT / "configs/demo/digits_resnet20.py")
SCENES = str(ROOT / "configs/demo/digits_faster-rcnn_resnet20_fpn.py")
TRAIN = ["train_cfg.max_epochs=1", "model.backbone.init_cfg=None"]


def tool(folder: Path, package: str, script: str, *arguments: str) -> str:
    """Run a tool that a package brings, and return what it prints."""
    path = Path(get_installed_path(package), ".mim", "tools", script)
    done = run(folder, str(path), *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def classifier(tmp_path_factory) -> Path:
    """A folder with the digits, and a net that mmpretrain's tools have trained and tested."""
    pytest.importorskip("mmpretrain")
    folder = tmp_path_factory.mktemp("classifier")
    write_digits(folder / "data/digits")
    tool(folder, "mmpretrain", "train.py", DIGITS, "--work-dir", ".", "--cfg-options", *TRAIN)
    tool(folder, "mmpretrain", "test.py", DIGITS, "epoch_1.pth", "--out", "results.pkl")
    return folder


@pytest.fixture(scope="module")
def detector(tmp_path_factory) -> Path:
    """A folder with scenes, and a net that mmdet's tools have trained and tested."""
    pytest.importorskip("mmdet")
    folder = tmp_path_factory.mktemp("detector")
    write_digit_scenes(folder / "data/digit_scenes")
    options = [*TRAIN, "train_dataloader.dataset.indices=40", "val_dataloader.dataset.indices=10"]
    tool(folder, "mmdet", "train.py", SCENES, "--work-dir", ".", "--cfg-options", *options)
    tool(folder, "mmdet", "test.py", SCENES, "epoch_1.pth", "--out", "results.pkl")
    return folder


def tools(*cases: tuple[str, str]) -> pytest.MarkDecorator:
    """Parametrize by command lines, and what each writes (a pattern) or prints."""
    names = [line.split()[0] for line, _ in cases]
    return pytest.mark.parametrize(("line", "result"), cases, ids=names)


@pytest.mark.full
@tools(
    ("misc/print_config.py CONFIG", "mmresnet.CifarResNet"),
    ("analysis_tools/get_flops.py CONFIG --shape 16", "Params: 0.27"),
    ("analysis_tools/eval_metric.py results.pkl --metric type=Accuracy", "accuracy/top1"),
    ("analysis_tools/confusion_matrix.py CONFIG results.pkl --show-path table.png", "table.png"),
    ("model_converters/publish_model.py epoch_1.pth net.pth", "net_*.pth"),
    ("visualization/browse_dataset.py CONFIG -o seen --not-show -n 2 -m pipeline", "seen/*.png"),
    (
        "visualization/vis_scheduler.py CONFIG --not-show --save-path rate.png --dataset-size 1437",
        "rate.png",
    ),
    (
        "visualization/vis_tsne.py CONFIG --checkpoint epoch_1.pth --work-dir tsne --n-iter 250",
        "tsne/*/feat_*.png",
    ),
    (
        "visualization/vis_cam.py data/digits/val/3/0045.png CONFIG epoch_1.pth --save-path cam.png"
        " --target-category 3",
        "cam.png",
    ),
)
def test_tools_of_mmpretrain(classifier, line, result):
    if "vis_cam" in line:
        pytest.importorskip("pytorch_grad_cam", reason="needs grad-cam<1.5")
    printed = tool(classifier, "mmpretrain", *line.replace("CONFIG", DIGITS).split())
    assert result in printed or list(classifier.glob(result))


@pytest.mark.full
@tools(
    ("misc/print_config.py CONFIG", "mmresnet.CifarResNet"),
    ("analysis_tools/get_flops.py CONFIG --num-images 1", "Params: 1.26M"),
    ("analysis_tools/eval_metric.py CONFIG results.pkl", "coco/bbox_mAP"),
    ("analysis_tools/confusion_matrix.py CONFIG results.pkl .", "confusion_matrix.png"),
    ("analysis_tools/analyze_results.py CONFIG results.pkl best --topk 2", "best/good/*"),
    ("model_converters/publish_model.py epoch_1.pth net.pth", "net-*.pth"),
    (
        "analysis_tools/browse_dataset.py CONFIG --output-dir seen --not-show"
        " --cfg-options train_dataloader.dataset.indices=2 visualizer.name=browser",
        "seen/*.png",
    ),
)
def test_tools_of_mmdet(detector, line, result):
    printed = tool(detector, "mmdet", *line.replace("CONFIG", SCENES).split())
    assert result in printed or list(detector.glob(result))
