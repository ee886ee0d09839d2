"""What an evaluation leaves for the report: scores of classes, or boxes beside the true ones."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpretrain.structures import DataSample
from small_classifier import SMALL

from mmresnet.apis import test as run_test
from mmresnet.apis import train
from mmresnet.datasets.class_scores import load
from mmresnet.engine.predictions import class_scores, detections, row_of
from mmresnet.evaluation.detection import detection_file


def classified(path, scores, label=None):
    sample = DataSample(metainfo={"img_path": path} if path else {})
    sample.set_pred_score(torch.tensor(scores, dtype=torch.bfloat16))
    return sample if label is None else sample.set_gt_label(label)


def test_scores_labels_and_the_folder_in_common():
    samples = [
        classified("/data/val/cat/1.jpg", [0.75, 0.25], 0),
        classified("/data/val/dog/1.jpg", [0.5, 0.5], 1),
    ]
    found = class_scores([row_of(one) for one in samples], ["cat", "dog"], {"split": "val"})
    assert (found.folder, found.images) == ("/data/val", ["cat/1.jpg", "dog/1.jpg"])
    assert found.scores.tolist() == [[0.75, 0.25], [0.5, 0.5]]
    assert (found.classes, found.labels.tolist()) == (["cat", "dog"], [0, 1])


def test_images_without_files_labels_and_names():
    rows = [row_of(classified(None, [0.75, 0.25])), row_of(classified(None, [0.5, 0.5], 1))]
    found = class_scores(rows, [], {})
    assert (found.folder, found.paths, found.images) == ("", None, ["0", "1"])
    assert (found.classes, found.labels) == (["0", "1"], None)


def detected(**true):
    boxes = torch.tensor([[1.0, 2.0, 4.0, 6.0]])
    sample = DataSample(metainfo={"img_path": "/a.jpg", "img_id": 7, "ori_shape": (30, 40)})
    found = {"bboxes": boxes, "scores": torch.tensor([0.5]), "labels": torch.tensor([1])}
    sample.pred_instances = InstanceData(**found)
    for name in true:
        setattr(sample, name, InstanceData(bboxes=boxes + 1, labels=torch.tensor([true[name]])))
    return sample


def test_boxes_beside_those_of_the_samples():
    row = row_of(detected(gt_instances=0, ignored_instances=1))
    found = detections([row], ["cat", "dog"], {}, [])
    assert found.images == [
        {"id": 7, "file_name": "a.jpg", "path": "/a.jpg", "width": 40, "height": 30}
    ]
    assert found.categories == [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    one = {"image_id": 7, "category_id": 2, "bbox": [1.0, 2.0, 3.0, 4.0], "score": 0.5}
    assert found.detections == [one]
    true = {"image_id": 7, "bbox": [2.0, 3.0, 3.0, 4.0], "area": 12.0, "iscrowd": 0}
    assert found.annotations == [
        {"id": 1, **true, "category_id": 1, "ignore": 0},
        {"id": 2, **true, "category_id": 2, "ignore": 1},
    ]


def test_other_predictions_are_not_kept():
    rotated = detected()
    rotated.pred_instances = InstanceData(
        bboxes=torch.zeros(1, 5), scores=torch.zeros(1), labels=torch.zeros(1)
    )
    points = DataSample(metainfo={"img_id": 1})
    points.pred_instances = InstanceData(keypoints=torch.zeros(1, 17, 2))
    several = DataSample()
    several.set_field(torch.zeros(2, 3), "pred_score")
    assert [row_of(one) for one in (rotated, points, DataSample(), several)] == [None] * 4


def test_a_validation_leaves_its_scores(tiny_images, tmp_path):
    options = {**SMALL, "data_root": str(tiny_images), "train_cfg.max_epochs": 1}
    train("resnet50_8xb32_in1k", str(tmp_path), cfg_options=options, device="cpu")
    found = load(tmp_path / "predictions" / "val.npz")
    assert found.images == [f"{name}/{i}.jpg" for name in ("cat", "dog", "owl") for i in (0, 1)]
    assert (found.folder, found.classes) == (str(tiny_images / "val"), ["cat", "dog", "owl"])
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_allclose(found.scores.sum(axis=1), 1, atol=1e-5)
    assert found.test["epoch"] == 1


@pytest.mark.full
def test_a_test_leaves_the_boxes_that_its_metric_compared(small_detector, tiny_coco, tmp_path):
    recipe = "faster-rcnn_r18_fpn_1x_coco"
    train(recipe, str(tmp_path), cfg_options=small_detector, device="cpu")
    weights = str(tmp_path / "epoch_1.pth")
    run_test(recipe, weights, str(tmp_path), cfg_options=small_detector, device="cpu")
    found = detection_file.load(tmp_path / "predictions" / "test.json")
    assert [one["file_name"] for one in found.images] == [f"{i:012d}.jpg" for i in (1, 2, 3, 4)]
    assert found.images[0]["path"] == str(tiny_coco / "val2017" / "000000000001.jpg")
    assert found.categories == [
        {"id": 7, "name": "cat"},
        {"id": 9, "name": "dog"},
        {"id": 11, "name": "owl"},
    ]
    assert sum(one["iscrowd"] for one in found.annotations) == 1
    assert len(found.annotations) == 9  # the second image has none
    assert {one["category_id"] for one in found.detections} <= {7, 9, 11}
    assert found.test["checkpoint"] == weights
