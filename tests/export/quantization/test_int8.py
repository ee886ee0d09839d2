"""Models in 8 bits are as accurate as allowed, or are not kept."""

import json
import os

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

from mmresnet.apis import export_model  # noqa: E402
from mmresnet.cli.main import main  # noqa: E402
from mmresnet.errors import ExportError, UserError  # noqa: E402

RECIPE = "digits_resnet20"


@pytest.fixture
def export(tmp_path, small_options, small_checkpoint):
    """``export(target, **settings)`` writes the small classifier in 8 bits."""

    def write(target, checkpoint=small_checkpoint, **settings):
        for package in ("nncf", target):
            pytest.importorskip(package)
        settings = {"out": tmp_path / "out", "cfg_options": small_options, **settings}
        return export_model(RECIPE, checkpoint, target, int8=True, **settings)

    return write


@pytest.mark.full
@pytest.mark.parametrize("target", ["openvino", "onnx"])
def test_all_layers_are_in_8_bits_where_that_costs_nothing(target, export):
    exported = export(target)
    report = exported.report
    assert report["precision"] == "int8"
    assert report["int8"]["calibration"] == "the training set, 12 of 12 images"
    layers = report["int8"]["layers"]
    assert layers == {"int8": 8, "all": 8, "float32": []}  # with a head, without shortcuts
    assert report["int8"]["images_per_second"].keys() >= {"float32", "int8"}
    parity = report["parity"]
    assert parity["accuracy"] == parity["accuracy_of_model"]
    assert parity["largest_difference"] > 0
    assert json.loads((exported.folder / "report.json").read_text("utf-8")) == report


@pytest.mark.full
@pytest.mark.parametrize("target", ["openvino", "onnx"])
def test_layers_that_cost_accuracy_stay_in_float32(
    target, export, checkpoint_with_outliers, tmp_path, capsys
):
    with pytest.raises(ExportError, match=r"(?s)best class is the same for.*--max-drop"):
        export(target, checkpoint_with_outliers, max_drop=100)
    assert os.listdir(tmp_path) == []
    capsys.readouterr()
    report = export(target, checkpoint_with_outliers).report
    layers, parity = report["int8"]["layers"], report["parity"]
    assert layers["float32"] == ["backbone.layer3.0.conv2"]
    assert layers["int8"] == layers["all"] - 1
    assert parity["accuracy"] == parity["accuracy_of_model"]
    told = [line for line in capsys.readouterr().err.splitlines() if "top-1" in line]
    assert told[0].startswith(f"int8: top-1 {parity['accuracy_of_model']:.2f} % in float32")
    assert "in 8 bits, more than 0.5 points less" in told[1]


def test_a_layer_is_named_once():
    """The RPN is in the graph once for each level."""
    from mmresnet.export.quantization.int8 import _layers

    weights = {
        "conv": "model.backbone.conv1.weight",
        "conv_1": "proposals.head.rpn_cls.weight",
        "conv_2": "proposals.head.rpn_cls.weight",
    }
    assert _layers(dict.fromkeys(weights, False) | {"conv_1": True}, weights) == {
        "int8": 1,
        "all": 3,
        "float32": ["backbone.conv1", "proposals.head.rpn_cls"],
    }


@pytest.mark.parametrize(
    ("target", "max_drop", "message"),
    [
        ("torch", 0.5, r"--int8 goes with --to openvino or --to onnx, not with --to torch"),
        ("openvino", -1, r"--max-drop must be 0 or more points, not -1"),
        ("openvino", float("nan"), r"--max-drop must be 0 or more points, not nan"),
    ],
)
def test_bad_input(target, max_drop, message, export, tmp_path):
    pytest.importorskip("openvino")
    with pytest.raises(UserError, match=message):
        export_model(RECIPE, "x.pth", target, tmp_path / "out", int8=True, max_drop=max_drop)
    assert os.listdir(tmp_path) == []


def test_without_nncf_the_message_says_how_to_install_it(monkeypatch, capsys):
    pytest.importorskip("openvino")
    from mmresnet.export.quantization import int8

    monkeypatch.setattr(
        int8.importlib.util, "find_spec", lambda name: None if name == "nncf" else 1
    )
    assert main(["export", RECIPE, "x.pth", "--to", "openvino", "--int8"]) == 2
    assert "pip install nncf" in capsys.readouterr().err
