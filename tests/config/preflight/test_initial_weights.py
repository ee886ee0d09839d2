"""Weights that a training is initialized from: a missing file is an error that says what to do."""

import pytest
from mmengine.config import Config

from mmresnet.config.load import load_config
from mmresnet.config.preflight.initial_weights import check_initial_weights

DETECTOR = "digits_faster-rcnn_resnet20_fpn"


def with_init(init_cfg):
    return Config({"model": {"type": "Some", "backbone": {"type": "Net", "init_cfg": init_cfg}}})


def test_the_recipe_that_writes_the_weights_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (finding,) = check_initial_weights(load_config(DETECTOR))
    assert str(finding) == (
        "model.backbone.init_cfg.checkpoint: there is no 'work_dirs/digits_resnet20/epoch_20.pth', "
        "which the model is initialized from: train 'digits_resnet20' first, name another one, or "
        "start from random weights, --cfg-options model.backbone.init_cfg=None."
    )


def test_the_way_out_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = load_config(DETECTOR, {"model.backbone.init_cfg": None})
    assert list(check_initial_weights(random)) == []
    (tmp_path / "weights.pth").touch()
    other = load_config(DETECTOR, {"model.backbone.init_cfg.checkpoint": "weights.pth"})
    assert list(check_initial_weights(other)) == []


def test_one_of_several_initializations():
    kaiming = {"type": "Kaiming", "layer": "Conv2d"}
    missing = {"type": "mmengine.Pretrained", "checkpoint": "no/such.pth"}
    (finding,) = check_initial_weights(with_init([kaiming, missing]))
    assert finding.where == "model.backbone.init_cfg.1.checkpoint"
    assert "'no/such.pth'" in finding.what
    assert finding.remedy.startswith("put it there")


@pytest.mark.parametrize(
    "place", ["torchvision://resnet50", "https://host/a.pth", "open-mmlab://x"]
)
def test_what_is_fetched_is_not_looked_for(place):
    init_cfg = {"type": "Pretrained", "checkpoint": place}
    assert list(check_initial_weights(with_init(init_cfg))) == []


def test_what_needs_no_file_passes():
    assert list(check_initial_weights(with_init({"type": "Kaiming"}))) == []
    assert list(check_initial_weights(with_init(None))) == []
