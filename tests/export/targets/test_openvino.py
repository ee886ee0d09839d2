"""Detectors reach OpenVINO through ONNX, whose packages are asked for."""

import importlib.util
from pathlib import Path

import pytest
from torch import Tensor

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
