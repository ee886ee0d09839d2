"""Detectors reach OpenVINO through ONNX, whose packages are asked for."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mmresnet.errors import MissingPackageError
from mmresnet.export.targets import openvino
from mmresnet.export.wrappers import Exportable


class Detector(Exportable):
    """Stands for one: what is written through ONNX."""

    output_names, dynamic, example = ("boxes",), (1, 2), (1, 8, 8, 3)
    through_onnx = True

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (images,)


def test_onnx_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxscript" else find_spec(name)
    )
    needed = "--to openvino of a detector needs onnxscript, .*: pip install onnxscript"
    with pytest.raises(MissingPackageError, match=needed):
        openvino.write(Detector(), tmp_path)


class Net(Exportable):
    """Two layers, as in a classifier."""

    output_names, dynamic, example = ("scores",), (0, 1, 2), (2, 8, 8, 3)

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        self.fc = nn.Linear(4, 2)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        maps = self.backbone(images.permute(0, 3, 1, 2).float())
        return (self.fc(torch.mean(maps, (2, 3))),)


def test_weights_have_their_names(tmp_path: Path) -> None:
    """Without a name, a layer that stays in float32 could not be told."""
    pytest.importorskip("openvino")
    from mmresnet.export.quantization import openvino as models

    openvino.write(Net().eval(), tmp_path)
    names = models.weights(models.read(tmp_path))
    assert sorted(names.values()) == ["backbone.0.weight", "fc.weight"]
    assert models.layers(models.read(tmp_path)) == dict.fromkeys(names, False)
