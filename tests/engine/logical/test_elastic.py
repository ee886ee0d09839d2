"""A run begun by four processes, killed, resumed by one, killed, finished by two: the same bits."""

import subprocess
import sys
from pathlib import Path

import pytest
from small_classifier import SMALL

from mmresnet.engine.resume.compare import compare_runs

SCRIPT = Path(__file__).parents[1] / "resume" / "kill_and_resume.py"
EMA = {"type": "EMAHook", "momentum": 0.1, "update_buffers": True}
SAVING = {"default_hooks.checkpoint.by_epoch": False, "default_hooks.checkpoint.interval": 1}
# in the middle of an epoch, and in the validation after it
KILLS = {4: [["before_train_iter", 3]], 1: [["after_val_iter", 1]], 2: []}


def compare(folder: Path, config: str, options: dict) -> dict[str, str]:
    """Train in four processes without a break, and in four, one and two; compare the results."""
    options = {"logical_shards": 4, **SAVING, **options}
    job = {"config": config, "options": options, "kills": []}
    changing = str(folder / "changing")
    jobs = [{**job, "work_dir": str(folder / "unbroken"), "processes": 4}]
    jobs += [
        {
            **job,
            "work_dir": changing,
            "processes": processes,
            "kills": kills,
            "resume": processes != 4,
            "finish": not kills,
        }
        for processes, kills in KILLS.items()
    ]
    path = folder / "jobs.py"
    path.write_text(repr(jobs))
    done = subprocess.run([sys.executable, SCRIPT, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return compare_runs(folder / "unbroken", changing)


@pytest.mark.full
@pytest.mark.dist
def test_classifier(tiny_images: Path, tmp_path: Path) -> None:
    """In bfloat16, with averaged weights, drop path, mixup, accumulation, validation loss."""
    options = {
        **SMALL,
        "data_root": str(tiny_images),
        "batch_size": 1,
        "val_dataloader.batch_size": 2,
        "val_cfg.loss": True,
        "train_dataloader.dataset.pipeline.1.scale": 64,
        "model.backbone.drop_path_rate": 0.2,
        "model.train_cfg": {"augments": {"type": "Mixup", "alpha": 0.8}},
        "custom_hooks": [EMA],
        "optim_wrapper.type": "mmresnet.AmpOptimWrapper",
        "optim_wrapper.accumulative_counts": 2,
    }
    report = compare(tmp_path, "resnet50_8xb32_in1k", options)
    assert set(report) >= {"weights", "EMA", "optimizer", "random states", "curves"}
    assert set(report.values()) == {"equal"}, report


@pytest.mark.full
@pytest.mark.dist
def test_detector(small_detector: dict, tmp_path: Path) -> None:
    """Batches of one aspect ratio, sampled anchors and regions, statistics that are trained."""
    options = {
        **small_detector,
        "batch_size": 1,
        "train_cfg.max_epochs": 3,
        "model.backbone.norm_eval": False,
        "model.backbone.norm_cfg.requires_grad": True,
    }
    report = compare(tmp_path, "faster-rcnn_r18_fpn_1x_coco", options)
    assert set(report.values()) == {"equal"}, report
