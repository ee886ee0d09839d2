"""Weights by path, and what is known of them."""

import json
import shutil

import pytest
import torch

from mmresnet.errors import UserError
from mmresnet.weights.origin import origin_of
from mmresnet.weights.sources import read


def saved(path, **content):
    torch.save({"conv1.weight": torch.zeros(2, 2, 1, 1), **content}, path)
    return path


def test_a_path_is_told_to_its_tensors(tmp_path):
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


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file of weights '.*none\.pth'"):
        read(tmp_path / "none.pth")
    with pytest.raises(UserError, match="is a folder: name the file of weights in it"):
        read(tmp_path)
    with pytest.raises(UserError, match="torchvision://resnet51"):
        read("torchvision://resnet51")
