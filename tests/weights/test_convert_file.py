"""Files into other layouts."""

import pytest
import torch
import torchvision
from safetensors import safe_open

from mmresnet.errors import UserError
from mmresnet.weights.checkpoint import read
from mmresnet.weights.convert import convert_file


@pytest.fixture
def source(tmp_path):
    net = torchvision.models.resnet18()
    torch.save(net.state_dict(), tmp_path / "source.pth")
    return tmp_path / "source.pth", net.state_dict()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize(
    "to", ["mmresnet", "torchvision", "timm", "mmpretrain", "mmdet", "mmseg", "detectron2", "hf"]
)
def test_files_there_and_back(to, suffix, source, tmp_path):
    path, tensors = source
    there, back = tmp_path / f"there{suffix}", tmp_path / f"back{suffix}"
    converted = convert_file(path, there, to)
    assert converted.metadata["net"] == "ResNet-18"
    assert converted.metadata["source"] == str(path)
    convert_file(there, back, "torchvision")
    again = read(back)
    again = again.get("state_dict", again)
    again.pop("__metadata__", None)
    assert again.keys() == tensors.keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in tensors.items())
    assert all(again[name].dtype == tensor.dtype for name, tensor in tensors.items())


def test_metadata_are_in_the_file(source, tmp_path):
    convert_file(source[0], tmp_path / "a.safetensors", "hf")
    with safe_open(tmp_path / "a.safetensors", framework="pt") as opened:
        told = opened.metadata()
    assert told["format"] == "pt"  # transformers refuses a file without
    assert (told["layout"], told["converted_from"]) == ("hf", "torchvision")
    convert_file(source[0], tmp_path / "a.pth", "mmdet")
    assert torch.load(tmp_path / "a.pth", weights_only=True)["meta"]["net"] == "ResNet-18"


def test_detectron2_finds_its_model(source, tmp_path):
    convert_file(source[0], tmp_path / "a.pth", "detectron2")
    content = torch.load(tmp_path / "a.pth", weights_only=True)
    assert content["matching_heuristics"] is True
    assert "res2.0.conv1.norm.weight" in content["model"]


def test_nothing_is_written_of_what_cannot_be(tmp_path):
    from mmresnet.registry import MODELS

    net = MODELS.build(dict(type="mmresnet.ResNetV1d", depth=18))
    torch.save(net.state_dict(), tmp_path / "d.pth")
    with pytest.raises(UserError, match="holds ResNet-18-D, and the layout 'torchvision' has no"):
        convert_file(tmp_path / "d.pth", tmp_path / "out.pth", "torchvision")
    with pytest.raises(UserError, match=r"written as \.safetensors or \.pth"):
        convert_file(tmp_path / "d.pth", tmp_path / "out.bin", "timm")
    assert not list(tmp_path.glob("out*"))
