"""A classifier is written for each target, run by its own runtime, and compared."""

import copy
import errno
import json
import os
import re
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

from mmresnet.apis import export_model, infer  # noqa: E402
from mmresnet.errors import ExportError, UserError  # noqa: E402
from mmresnet.export.targets import TARGETS  # noqa: E402

RECIPE = "digits_resnet20"
RUN = (
    "import runpy, sys; runpy.run_path('run.py', run_name='__main__');"
    "print({'mmresnet', 'mmengine', 'mmcv', 'mmpretrain'} & sys.modules.keys())"
)
EXPORTS = [
    "torch",
    *(pytest.param(t, marks=pytest.mark.full) for t in ("onnx", "openvino", "aoti")),
]


@pytest.fixture
def export(tmp_path, small_options, small_checkpoint):
    """``export(target, **settings)`` writes the small classifier into ``tmp_path / "out"``."""

    def write(target, **settings):
        for package in TARGETS[target].packages:
            pytest.importorskip(package)
        options = {**small_options, **settings.pop("options", {})}
        settings = {"out": tmp_path / "out", "cfg_options": options, **settings}
        return export_model(
            RECIPE, settings.pop("checkpoint", small_checkpoint), target, **settings
        )

    return write


@pytest.mark.parametrize("target", EXPORTS)
def test_the_runner_gives_the_models_scores(
    target, export, tmp_path, tiny_images, small_options, small_checkpoint
):
    exported = export(target)
    report = exported.report
    parity = report["parity"]
    assert parity["images"] == 6
    assert parity["largest_difference"] < 1e-5
    assert parity["accuracy"] == parity["accuracy_of_model"]
    assert [(case["batch"], *case["size"]) for case in parity["cases"][1:]] == [
        (batch, *size) for size in ((16, 16), (24, 16), (25, 20)) for batch in (1, 7)
    ]
    assert report["input"]["shape"] == [None, None, None, 3]
    assert torch.__version__.startswith(report["versions"]["torch"])
    assert os.listdir(tmp_path) == ["out"]

    images = sorted(map(str, tiny_images.glob("val/*/*.jpg")))
    command = [sys.executable, "-c", RUN, *images]
    done = subprocess.run(command, cwd=exported.folder, capture_output=True, text=True, check=True)
    *lines, imported = done.stdout.splitlines()
    assert imported == "set()"
    expected = infer(
        RECIPE,
        small_checkpoint,
        images,
        precision="float32",
        device="cpu",
        cfg_options=small_options,
    )
    for line, path, result in zip(lines, images, expected, strict=True):
        found = re.fullmatch(r"(.+): (\w+) ([\d.]+)", line)
        best = result["labels"][0]
        assert found.groups()[:2] == (path, best["name"])
        assert float(found[3]) == pytest.approx(best["score"], abs=1e-3)


@pytest.mark.full
def test_a_file_with_other_weights_is_not_kept(export, tmp_path, monkeypatch):
    from mmresnet.export.targets import torch_export

    def write_other(module, folder, write=torch_export.write):
        other = copy.deepcopy(module)
        (name,) = (n for n, _ in other.named_modules() if n.endswith("layer2.0.conv1"))
        other.get_submodule(name).weight[0] *= 3
        return write(other, folder)

    monkeypatch.setattr(torch_export, "write", write_other)
    with pytest.raises(ExportError) as raised:
        export("torch")
    check_message(str(raised.value))
    assert os.listdir(tmp_path) == []


def check_message(text):
    assert re.search(r"scores differ by up to 0\.\d+ of an image's highest score", text)
    assert "The first layer that differs is backbone.layer2.0.conv1 (Conv2d), by" in text
    assert text.endswith("Nothing was kept.")


@pytest.mark.full
def test_a_file_whose_weights_are_altered_is_not_kept(export, tmp_path, monkeypatch):
    onnx = pytest.importorskip("onnx")
    from mmresnet.export.targets import onnx as target

    def write_other(module, folder, write=target.write):
        written = write(module, folder)
        model = onnx.load(folder / "model.onnx")
        (weight,) = (t for t in model.graph.initializer if "layer2.0.conv1.weight" in t.name)
        values = onnx.numpy_helper.to_array(weight).copy()
        values[0] *= 3
        weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
        onnx.save(model, folder / "model.onnx")
        return written

    monkeypatch.setattr(target, "write", write_other)
    with pytest.raises(ExportError) as raised:
        export("onnx")
    check_message(str(raised.value))
    assert os.listdir(tmp_path) == []


def test_a_runner_that_prepares_images_differently_is_not_kept(export, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "mmresnet.export.preparation._CV2", {"bilinear": "cv2.INTER_NEAREST"}, raising=True
    )
    monkeypatch.setattr(  # they are compared before the model is
        "mmresnet.export.targets.torch_export.write", lambda *_: {"input_shape": [None] * 3 + [3]}
    )
    with pytest.raises(ExportError, match=r"run.py prepares 6 of 6 images differently"):
        export("torch")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"),
    ],
    ids=["by its number", "in other words"],
)
def test_a_full_disk_leaves_what_was_there(export, tmp_path, monkeypatch, error):
    from mmresnet.export import folder
    from mmresnet.export.targets import torch_export

    def write(module, folder):
        (folder / "model.pt2").write_bytes(b"the first part")
        raise error

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text(json.dumps({"format": folder.FORMAT}))
    monkeypatch.setattr(torch_export, "write", write)
    usage = folder.shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match="cannot be written: No space left on device"):
        export("torch", force=True)
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(tmp_path / "out") == ["report.json"]
