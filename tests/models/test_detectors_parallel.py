"""A detector with frozen stages trains in two processes without find_unused_parameters."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmresnet import ops

ops.install()
pytest.importorskip("mmdet.models")

import detectors  # noqa: E402  it needs mmdet

ROOT = Path(__file__).parents[2]
CONFIG = """
_base_ = [{base!r}]
custom_imports = dict(imports=["write_weights"])
custom_hooks = [dict(type="WriteWeights")]
model = dict(
    backbone=dict(stem_channels=8, base_channels=8, init_cfg=None),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=16),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=16),
        bbox_head=dict(in_channels=16, fc_out_channels=32),
    ),
)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(128, 96), keep_ratio=True),
    dict(type="PackDetInputs"),
]
train_dataloader = dict(
    dataset=dict(ann_file="annotations/instances_train.json", data_prefix=dict(img="train/"))
)
param_scheduler = []
train_cfg = dict(max_epochs=2)
val_dataloader = val_evaluator = val_cfg = None
test_dataloader = test_evaluator = test_cfg = None
"""
HOOK = """
import json
from pathlib import Path

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module(force=True)
class WriteWeights(Hook):
    def before_train(self, runner):
        self.before = self.sums(runner)
        self.losses = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append(float(outputs["loss"]))

    def after_train(self, runner):
        content = dict(
            wrapper=type(runner.model).__name__,
            find_unused=runner.model.find_unused_parameters,
            losses=self.losses,
            before=self.before,
            after=self.sums(runner),
        )
        Path(runner.work_dir, f"rank{get_rank()}.json").write_text(json.dumps(content))

    def sums(self, runner):
        named = runner.model.module.named_parameters()
        return {name: value.detach().double().abs().sum().item() for name, value in named}
"""


@pytest.mark.full
@pytest.mark.dist
def test_two_processes_train_a_detector(tmp_path):
    images = detectors.draw_images(tmp_path / "discs", count=8)
    base = str(ROOT / "configs" / "coco" / "faster-rcnn_r18_fpn_1x_coco.py")
    (tmp_path / "config.py").write_text(CONFIG.format(base=base))
    (tmp_path / "write_weights.py").write_text(HOOK)
    options = [f"data_root={images}/", "num_classes=3", "batch_size=2", "num_workers=0"]
    path = os.pathsep.join([str(ROOT), str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [ROOT / "tools" / "dist_train.sh", tmp_path / "config.py", "2"]
    command += ["--work-dir", tmp_path / "work"]
    done = subprocess.run(
        [*command, "--device", "cpu", "--cfg-options", *options],
        env={**os.environ, "PYTHON": sys.executable, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    first, second = (
        json.loads((tmp_path / "work" / f"rank{rank}.json").read_text()) for rank in range(2)
    )
    assert first["wrapper"] == "DistributedDataParallel"
    assert first["find_unused"] is False
    assert first["after"] == second["after"]  # the gradients were averaged
    assert first["losses"] != second["losses"]  # over different images
    assert len(first["losses"]) == 2 * 8 // (2 * 2)
    frozen = ("backbone.conv1", "backbone.bn1", "backbone.layer1")
    for name, before in first["before"].items():
        assert (first["after"][name] == before) == name.startswith(frozen), name
