"""Of a detector that computes something else, the first layer that does is named."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from mmresnet.errors import ExportError
from mmresnet.export.first_difference import first_difference
from mmresnet.export.parity import Tolerance
from mmresnet.export.samples import find_samples

LAYERS = {
    "backbone.conv1": "backbone.conv1 (Conv2d)",
    "neck.fpn_convs.1.conv": "neck.fpn_convs.1.conv (Conv2d)",
    "detections.head.fc_cls": "detections.head.fc_cls (Linear)",
}


class Altered:
    """A format whose files are modules in memory, with other weights in one layer."""

    def __init__(self, layer: str) -> None:
        self.layer = layer

    def write(self, module, folder):
        self.module = copy.deepcopy(module)
        (name,) = (n for n, _ in self.module.named_modules() if n.endswith(self.layer))
        self.module.get_submodule(name).weight.data[0] *= 3

    def load(self, folder):
        def predict(images):
            with torch.no_grad():
                return [one.numpy() for one in self.module(torch.from_numpy(images))]

        return predict


@pytest.fixture(scope="module")
def task(small_model, tiny_coco):
    from mmresnet.export.detectors.task import DetectorTask

    options = {"data_root": f"{tiny_coco}/", "val_dataloader.dataset.pipeline.1.scale": (96, 128)}
    cfg, model = small_model("faster-rcnn", options)
    task = DetectorTask(cfg, {"meta": {"dataset_meta": {"classes": ("a", "b", "c")}}}, model)
    return task, find_samples(cfg, task.preparation, (), 2)


@pytest.mark.parametrize("layer", LAYERS)
def test_the_layer_is_named(layer, task):
    task, samples = task
    target = Altered(layer)
    target.write(task.module, Path())
    parity = task.verify(target.load(Path()), samples, [1, None, None, 3], Tolerance())
    assert parity.problems
    assert parity.images.dtype == np.uint8
    told = first_difference(task.module, target, parity.images)
    assert told.startswith(f"The first layer that differs is {LAYERS[layer]}, by ")


def test_another_number_of_proposals_is_told(task):
    task, samples = task
    other = Altered("rpn_reg")

    def write(module, folder):
        other.module = copy.deepcopy(module)
        inner = getattr(other.module, "module", other.module)
        settings = inner.proposals.head.test_cfg
        settings["max_per_img"] = 7

    other.write = write
    told = first_difference(task.module, other, samples.of_one_size()[:1])
    assert "differs is proposals (Proposals): its output is 7×4, and not 60×4." in told


def _alter_onnx(folder: Path, layer: str) -> None:
    import onnx

    model = onnx.load(folder / "model.onnx")
    (weight,) = (t for t in model.graph.initializer if f"{layer}.weight" in t.name)
    values = onnx.numpy_helper.to_array(weight).copy()
    values[0] *= 3
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    onnx.save(model, folder / "model.onnx")


def _alter_torch(folder: Path, layer: str) -> None:
    program = torch.export.load(folder / "model.pt2")
    (name,) = (n for n in program.state_dict if n.endswith(f"{layer}.weight"))
    with torch.no_grad():
        program.state_dict[name][0] *= 3
    torch.export.save(program, folder / "model.pt2")


@pytest.mark.full
@pytest.mark.parametrize(("name", "alter"), [("onnx", _alter_onnx), ("torch", _alter_torch)])
def test_a_detector_whose_file_is_altered_is_not_kept(
    name, alter, small_model, tiny_coco, tmp_path, monkeypatch
):
    from mmresnet.apis import export_model
    from mmresnet.export.targets import TARGETS

    for package in TARGETS[name].packages:
        pytest.importorskip(package)
    options = {"data_root": f"{tiny_coco}/", "val_dataloader.dataset.pipeline.1.scale": (96, 128)}
    cfg, model = small_model("faster-rcnn", options)
    checkpoint = tmp_path / "small.pth"
    meta = {"dataset_meta": {"classes": ("a", "b", "c")}}
    torch.save({"state_dict": model.state_dict(), "meta": meta}, checkpoint)
    module = TARGETS[name].module

    def write_other(exportable, folder, write=module.write):
        written = write(exportable, folder)
        alter(folder, "neck.fpn_convs.1.conv")
        return written

    monkeypatch.setattr(module, "write", write_other)
    with pytest.raises(ExportError) as raised:
        export_model(cfg, checkpoint, name, tmp_path / "out", number=2)
    text = str(raised.value)
    assert "boxes have no counterpart" in text
    assert "The first layer that differs is neck.fpn_convs.1.conv (Conv2d), by" in text
    assert text.endswith("Nothing was kept.")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.pth"]
