"""The command lines train and evaluate a detector on a tiny set in COCO's format."""

import json
import shutil

import pytest

CONFIG = "faster-rcnn_r18_fpn_1x_coco"


def logged(work):
    (path,) = work.glob("*/vis_data/scalars.json")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_training_takes_the_classes_of_the_data(trained_detector):
    import torch

    checkpoint = torch.load(trained_detector / "epoch_1.pth", weights_only=False)
    assert checkpoint["meta"]["dataset_meta"]["classes"] == ("cat", "dog", "owl")
    state = checkpoint["state_dict"]
    assert state["roi_head.bbox_head.fc_cls.weight"].shape == (4, 32)
    assert state["roi_head.bbox_head.fc_reg.weight"].shape == (12, 32)
    (log,) = trained_detector.glob("*/*.log")
    text = log.read_text()
    assert "num_classes 80 -> 3: it follows the classes of '" in text
    assert "instances_train2017.json': 6 images, 15 boxes of 3 classes." in text
    assert "lr       0.02 as in the config, for 16 images per step; this run has 1x2 = 2" in text


def test_testing_prints_metrics_and_logs_a_table(call_detector, trained_detector, tmp_path, capfd):
    path = trained_detector / "epoch_1.pth"
    assert call_detector("test", CONFIG, path, "--work-dir", tmp_path) == 0
    printed = capfd.readouterr().out
    assert "| class | boxes |    AP | AP_50 |" in printed
    assert "| owl   |" in printed
    lines = dict(line.split(": ") for line in printed.splitlines() if line.startswith("coco/"))
    assert set(lines) == {f"coco/bbox_mAP{end}" for end in ("", "_50", "_75", "_s", "_m", "_l")}


def test_the_loss_on_the_validation_set_by_one_option(call_detector, tmp_path):
    options = ["val_cfg.loss=True"]
    assert call_detector("train", CONFIG, "--work-dir", tmp_path, options=options) == 0
    (found,) = [line for line in logged(tmp_path) if "coco/bbox_mAP" in line]
    assert found["val/loss"] > 0
    assert {"val/loss_rpn_cls", "val/loss_rpn_bbox", "val/loss_cls", "val/loss_bbox"} <= set(found)


@pytest.mark.full
def test_mixed_precision_in_training_validation_and_test(call_detector, tmp_path):
    options = ["val_cfg.fp16=True", "val_cfg.loss=True"]
    work = tmp_path / "train"
    assert call_detector("train", CONFIG, "--amp", "--work-dir", work, options=options) == 0
    (found,) = [line for line in logged(work) if "coco/bbox_mAP" in line]
    assert 0 < found["val/loss"] < 100
    path = work / "epoch_1.pth"
    assert call_detector("test", CONFIG, path, "--amp", "--work-dir", tmp_path / "test") == 0


def test_the_order_of_the_classes_is_the_checkpoints(
    call_detector, trained_detector, tiny_coco, tmp_path, capfd
):
    """The same categories in another order give the same precisions."""
    root = shutil.copytree(tiny_coco, tmp_path / "data")
    path = root / "annotations" / "instances_val2017.json"
    content = json.loads(path.read_text())
    found = []
    for _ in range(2):
        options = [f"data_root={root}/"]
        arguments = (CONFIG, trained_detector / "epoch_1.pth", "--work-dir", tmp_path / "work")
        assert call_detector("test", *arguments, options=options) == 0
        found.append([line for line in capfd.readouterr().out.splitlines() if "coco/" in line[:5]])
        content["categories"].reverse()
        path.write_text(json.dumps(content))
    assert len(found[0]) == 6
    assert found[0] == found[1]
