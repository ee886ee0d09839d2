"""mmdet's command-line tools, as in its wheel, run on our operators."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmresnet.ops import has_compiled_operators
from mmresnet.ops.auto import run_script

CONFIG = """
_base_ = [
    "{mim}/configs/_base_/models/faster-rcnn_r50_fpn.py",
    "{mim}/configs/_base_/datasets/coco_detection.py",
    "{mim}/configs/_base_/schedules/schedule_1x.py",
    "{mim}/configs/_base_/default_runtime.py",
]
custom_imports = dict(imports=["mmresnet.ops.auto"])

model = dict(
    backbone=dict(
        _delete_=True, type="mmresnet.ResNet", depth=18, base_channels=8, out_indices=(0, 1, 2, 3)
    ),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=16),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=16),
        bbox_head=dict(in_channels=16, fc_out_channels=32, num_classes=1),
    ),
)
data = dict(data_root="{data}/", ann_file="boxes.json", data_prefix=dict(img="."))
pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(96, 80), keep_ratio=True),
    dict(type="PackDetInputs", meta_keys=("img_id", "ori_shape", "img_shape", "scale_factor")),
]
data.update(metainfo=dict(classes=("square",)), pipeline=pipeline)
loader = dict(num_workers=0, persistent_workers=False, dataset=data)
train_dataloader = val_dataloader = test_dataloader = loader
val_evaluator = test_evaluator = dict(ann_file="{data}/boxes.json")
train_cfg = dict(max_epochs=1)
"""


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    """A folder of four pictures, each with one bright square, and their boxes as COCO has them."""
    folder = tmp_path / "squares"
    folder.mkdir()
    images, annotations = [], []
    for number in range(1, 5):
        x, y, size = 8 * number, 40 - 6 * number, 24
        pixels = np.zeros((80, 96, 3), np.uint8)
        pixels[y : y + size, x : x + size] = 250
        Image.fromarray(pixels).save(folder / f"{number}.png")
        images.append(dict(id=number, file_name=f"{number}.png", height=80, width=96))
        box = dict(id=number, image_id=number, category_id=1, bbox=[x, y, size, size])
        annotations.append({**box, "area": size**2, "iscrowd": 0})
    text = dict(images=images, annotations=annotations, categories=[dict(id=1, name="square")])
    (folder / "boxes.json").write_text(json.dumps(text))
    return folder


def python(folder: Path, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-W", "ignore", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.full
def test_mmdets_tools_train_and_test_a_detector_with_our_backbone(
    tmp_path: Path, squares: Path
) -> None:
    """A line in the config is enough for train.py; test.py needs the operators before it."""
    mim = Path(find_spec("mmdet").origin).parent / ".mim"
    config = tmp_path / "tiny.py"
    config.write_text(CONFIG.format(mim=mim, data=squares))
    options = ("--work-dir", tmp_path / "out", "--launcher", "none")

    train = python(tmp_path, mim / "tools" / "train.py", config, *options)
    assert train.returncode == 0, train.stderr
    checkpoint = tmp_path / "out" / "epoch_1.pth"
    assert checkpoint.exists()

    script = mim / "tools" / "test.py"
    if not has_compiled_operators():
        early = python(tmp_path, script, config, checkpoint, *options)
        assert "No module named 'mmcv._ext'" in early.stderr
    test = python(tmp_path, "-m", "mmresnet.ops.auto", script, config, checkpoint, *options)
    assert test.returncode == 0, test.stderr
    assert "bbox_mAP_50" in test.stdout + test.stderr


def test_a_script_is_run_as_by_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint(__name__, sys.argv[1:], sys.path[0])\n")
    monkeypatch.setattr(sys, "argv", ["auto.py"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    run_script([str(script), "--flag", "value"])
    assert capsys.readouterr().out == f"__main__ ['--flag', 'value'] {tmp_path}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "no script is given"), (["no/such.py"], "'no/such.py' is not a file")],
)
def test_a_missing_script_is_reported(arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        run_script(arguments)
