"""Weights by path, and what is known of them."""

import json
import shutil

import pytest
import torch

from mmresnet.errors import UserError
from mmresnet.weights.checkpoint import Origin, origin_of, read, trained_classes, with_origin
from mmresnet.weights.hub.preprocessing import IMAGENET


def saved(path, **content):
    torch.save({"conv1.weight": torch.zeros(2, 2, 1, 1), **content}, path)
    return path


def test_the_origin_is_the_path(tmp_path):
    path = saved(tmp_path / "a.pth")
    assert origin_of(read(path)).source == str(path)
    assert origin_of(read(str(path))).preprocessing is None


def test_a_published_file_is_known_by_its_hash(sample_data, tmp_path):
    published = sample_data / "resnet20-12fca82f.th"
    copy = shutil.copy(published, tmp_path / published.name)
    told = origin_of(read(copy)["state_dict"])
    assert told.preprocessing.size == 32
    assert told.style == "pytorch"
    another = saved(tmp_path / "resnet56-4bfd9763.th")  # another file under such a name
    assert origin_of(read(another)).preprocessing is None


def test_settings_beside_a_file(tmp_path):
    settings = {
        "pretrained_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3, "input_size": [3, 288, 288]}
    }
    (tmp_path / "config.json").write_text(json.dumps(settings))
    told = origin_of(read(saved(tmp_path / "model.pth"))).preprocessing
    assert told.mean == (127.5, 127.5, 127.5)
    assert told.size == 288


def test_what_is_not_a_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file of weights '.*none\.pth'"):
        read(tmp_path / "none.pth")
    with pytest.raises(UserError, match="is a folder: name the file of weights in it"):
        read(tmp_path)
    with pytest.raises(UserError, match="torchvision://resnet51"):
        read("torchvision://resnet51")


def test_the_origin_travels_with_state_dicts(tmp_path):
    content = {"model": {"conv1.weight": torch.zeros(1)}, "model_ema": {"x": torch.ones(1)}}
    origin = Origin("a file", IMAGENET, "pytorch", "a recipe")
    content = with_origin(content, origin)
    assert origin_of(content["model"]) == origin_of(content["model_ema"]) == origin
    torch.save(content, tmp_path / "again.pth")  # it is noted as values: nothing of ours is pickled
    assert origin_of(torch.load(tmp_path / "again.pth", weights_only=True)) == origin
    assert origin_of({"conv1.weight": torch.zeros(1)}) == Origin()


def test_classes_of_checkpoints():
    assert trained_classes({"meta": {"dataset_meta": {"classes": ["a", "b"]}}}) == ("a", "b")
    assert trained_classes({"meta": {"CLASSES": ("a", "b")}}) == ("a", "b")  # mmcv 1
    assert trained_classes({"meta": {"epoch": 1}}) is None
    assert trained_classes({"conv1.weight": torch.zeros(1)}) is None
