"""Weights that a training is initialized from: a missing file is an error that says what to do."""

import pytest
from mmengine.config import Config

from mmresnet.config.load import load_config
from mmresnet.config.preflight.initial_weights import check_initial_weights
from mmresnet.errors import UserError

DETECTOR = "digits_faster-rcnn_resnet20_fpn"


def with_init(init_cfg):
    return Config({"model": {"type": "Some", "backbone": {"type": "Net", "init_cfg": init_cfg}}})


def test_the_recipe_that_writes_the_weights_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        check_initial_weights(load_config(DETECTOR))
    assert str(error.value) == (
        "model.backbone.init_cfg.checkpoint: there is no 'work_dirs/digits_resnet20/epoch_20.pth', "
        "which the model is initialized from: train 'digits_resnet20' first, name another one, or "
        "start from random weights, --cfg-options model.backbone.init_cfg=None."
    )


def test_the_way_out_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_initial_weights(load_config(DETECTOR, {"model.backbone.init_cfg": None}))
    (tmp_path / "weights.pth").touch()
    check_initial_weights(
        load_config(DETECTOR, {"model.backbone.init_cfg.checkpoint": "weights.pth"})
    )


def test_one_of_several_initializations():
    kaiming = {"type": "Kaiming", "layer": "Conv2d"}
    missing = {"type": "mmengine.Pretrained", "checkpoint": "no/such.pth"}
    with pytest.raises(UserError, match=r"init_cfg\.1\.checkpoint: .*'no/such\.pth'.*put it there"):
        check_initial_weights(with_init([kaiming, missing]))


@pytest.mark.parametrize(
    "place", ["torchvision://resnet50", "https://host/a.pth", "open-mmlab://x"]
)
def test_what_is_fetched_is_not_looked_for(place):
    check_initial_weights(with_init({"type": "Pretrained", "checkpoint": place}))


def test_what_needs_no_file_passes():
    check_initial_weights(with_init({"type": "Kaiming"}))
    check_initial_weights(with_init(None))
