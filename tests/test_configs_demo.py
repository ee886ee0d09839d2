"""The demo's detector: it builds, loads the classifier's weights, trains and tests."""

import math

import pytest
import torch
from mmengine.registry import MODELS, TRANSFORMS

from mmresnet.config.load import load_config
from mmresnet.datasets.demo import digit_scenes
from mmresnet.models.backbones import CifarResNet

DETECTOR = "digits_faster-rcnn_resnet20_fpn"


@pytest.fixture
def classifier(tmp_path):
    """A checkpoint as written by the training of the demo's classifier, and its weights."""
    torch.manual_seed(0)
    backbone = CifarResNet(20)
    for value in backbone.state_dict().values():  # to recognize statistics, too
        value.copy_(torch.randn(value.shape) if value.is_floating_point() else torch.tensor(7))
    weights = {f"backbone.{name}": value for name, value in backbone.state_dict().items()}
    weights["head.fc.weight"] = torch.zeros(10, 64)
    torch.save({"state_dict": weights, "meta": {}}, tmp_path / "classifier.pth")
    return tmp_path / "classifier.pth", backbone.state_dict()


def test_the_backbone_is_initialized_from_the_classifier(classifier, mmdet_scope):
    path, weights = classifier
    assert load_config("digits_resnet20").model.backbone.depth == 20
    cfg = load_config(DETECTOR, {"model.backbone.init_cfg.checkpoint": str(path)})
    model = MODELS.build(cfg.model)
    model.init_weights()
    found = model.backbone.state_dict()
    assert found.keys() == weights.keys()
    for name, value in weights.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=0)


def test_levels_and_pipelines_fit(mmdet_scope):
    cfg = load_config(DETECTOR, {"model.backbone.init_cfg": None})
    model = MODELS.build(cfg.model).eval()
    features = model.extract_feat(torch.zeros(2, 3, 128, 160))
    assert [tuple(level.shape) for level in features] == [(2, 64, 32, 40), (2, 64, 16, 20)]
    strides = [stride[0] for stride in model.rpn_head.prior_generator.strides]
    assert strides == model.roi_head.bbox_roi_extractor.featmap_strides == [4, 8]
    assert model.roi_head.bbox_head.num_classes == cfg.num_classes == 10
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        for transform in loader.dataset.pipeline:
            TRANSFORMS.build(transform)


@pytest.mark.full
def test_it_trains_and_tests(classifier, tmp_path, monkeypatch):
    from mmresnet.apis import test, train

    pytest.importorskip("mmdet")
    monkeypatch.setattr(digit_scenes, "SCENES", {"train": 16, "val": 4})
    digit_scenes.write_digit_scenes(tmp_path / "scenes")
    options = {
        "data_root": f"{tmp_path}/scenes/",
        "model.backbone.init_cfg.checkpoint": str(classifier[0]),
        "train_cfg.max_epochs": 1,
        "experiment_name": "demo_detector",
    }
    train(DETECTOR, work_dir=str(tmp_path / "run"), cfg_options=options)
    (best,) = (tmp_path / "run").glob("best_coco_bbox_mAP_epoch_1.pth")
    options["experiment_name"] = "demo_detector_test"
    metrics = test(DETECTOR, str(best), work_dir=str(tmp_path / "test"), cfg_options=options)
    assert all(math.isfinite(value) for value in metrics.values())
    assert 0.0 <= metrics["coco/bbox_mAP"] <= metrics["coco/bbox_mAP_50"] <= 1.0
