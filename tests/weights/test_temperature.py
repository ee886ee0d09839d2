"""A temperature stored with weights of each format; what else a file holds stays."""

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from nets import classifier
from safetensors.torch import save_file

from mmresnet.errors import UserError
from mmresnet.weights.checkpoint import read
from mmresnet.weights.convert import convert_file
from mmresnet.weights.temperature import check_target, store_temperature, temperature_of

TENSORS = {"head.fc.weight": torch.arange(6.0).reshape(2, 3), "head.fc.bias": torch.zeros(2)}


def test_a_checkpoint_of_a_training_stays_whole(tmp_path):
    path = tmp_path / "epoch_1.pth"
    history = HistoryBuffer()
    history.update(2.5)
    content = {
        "state_dict": TENSORS,
        "meta": {"epoch": 1, "dataset_meta": {"classes": ("a", "b")}},
        "optimizer": {"state": {0: {"momentum": torch.ones(2)}}},
        "message_hub": {"loss": history},
        "random": np.arange(3, dtype=np.uint32),
    }
    torch.save(content, path)
    assert temperature_of(read(path)) is None
    store_temperature(path, path, 1.25)
    assert temperature_of(read(path)) == 1.25
    after = torch.load(path, weights_only=False)
    assert after["meta"] == {**content["meta"], "temperature": 1.25}
    assert after["message_hub"]["loss"].current() == 2.5
    assert after["random"].dtype == np.uint32
    torch.testing.assert_close(after["optimizer"], content["optimizer"])
    torch.testing.assert_close(after["state_dict"], TENSORS)


def test_tensors_alone_get_a_place_for_it(tmp_path):
    torch.save(TENSORS, tmp_path / "a.th")
    store_temperature(tmp_path / "a.th", tmp_path / "b.pth", 0.5)
    assert temperature_of(read(tmp_path / "b.pth")) == 0.5
    torch.testing.assert_close(dict(read(tmp_path / "b.pth")["state_dict"]), TENSORS)
    assert temperature_of(read(tmp_path / "a.th")) is None


def test_safetensors(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(TENSORS, path, {"format": "pt"})
    store_temperature(path, path, 1 / 3)
    content = read(path)
    assert temperature_of(content) == 1 / 3
    assert content["__metadata__"]["format"] == "pt"
    with pytest.raises(UserError, match="of another format: write it in that format first"):
        store_temperature(path, tmp_path / "a.pth", 2)


def test_other_layouts_keep_it(tmp_path):
    state_dict = classifier("ResNet", 18).state_dict()
    torch.save({"state_dict": state_dict, "meta": {"temperature": 1.5}}, tmp_path / "a.pth")
    for name, to in (("b.safetensors", "timm"), ("c.pth", "torchvision")):
        convert_file(tmp_path / "a.pth", tmp_path / name, to)
        assert temperature_of(read(tmp_path / name)) == 1.5


@pytest.mark.parametrize("value", [0, -1.5, "warm", float("inf"), None])
def test_what_is_no_temperature_is_refused(value):
    with pytest.raises(UserError, match="is no positive number: write it again"):
        temperature_of({"meta": {"temperature": value}})


def test_where_the_weights_go(tmp_path):
    named = tmp_path / "epoch_1.pth"
    torch.save(TENSORS, named)
    assert check_target(str(named), None) == named
    assert check_target(str(named), tmp_path / "b.pth") == tmp_path / "b.pth"
    for source, out, words in (
        ("torchvision://resnet18", None, "is not a file here: name one to write"),
        (str(named), tmp_path / "b.txt", "written as .pth or .safetensors"),
        (str(named), tmp_path / "none" / "b.pth", "there is no folder"),
    ):
        with pytest.raises(UserError, match=words):
            check_target(source, out)


def test_a_published_file_is_not_replaced(tmp_path):
    # SHA-256 of "abc" in FIPS 180-2: ba7816bf…
    path = tmp_path / "resnet18-ba7816bf.pth"
    path.write_bytes(b"abc")
    with pytest.raises(UserError, match="has the hash of its content"):
        check_target(str(path), None)
    other = tmp_path / "resnet18-00000000.pth"
    other.write_bytes(b"abc")
    assert check_target(str(other), None) == other
