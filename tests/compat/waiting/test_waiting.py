"""Detectors wait less for the GPU, with the same losses, gradients and predictions."""

import inspect
import traceback
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fresh_process import run
from mmdet.models.losses import L1Loss
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData
from simulated_gpu import DEVICE, simulated_gpu
from torch import nn
from waiting_upstream import UPSTREAM, as_upstream, assert_same_bits, boxes, edited

from mmresnet import compat
from mmresnet.compat.waiting import EDITS
from mmresnet.compat.waiting.edit import Edit
from mmresnet.engine.assembly import build_model, prepare
from mmresnet.engine.prefetch import to_device

FASTER, MASK = "faster-rcnn_r50_fpn_1x_coco", "mask-rcnn_r50_fpn_1x_coco"
RETINA = "mmdet::retinanet/retinanet_r50_fpn_1x_coco.py"
OTHERS = (
    "mmdet::cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py",
    "mmdet::atss/atss_r50_fpn_1x_coco.py",
    "mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py",
    "mmdet::dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco.py",
    "mmdet::sabl/sabl-faster-rcnn_r50_fpn_1x_coco.py",
)
SMALL = {
    "model.backbone.init_cfg": None,
    "model.backbone.depth": 18,
    "model.backbone.base_channels": 8,
    "model.backbone.stem_channels": 8,
    "model.neck.in_channels": [8, 16, 32, 64],
}
FEW_BOXES = {
    "model.train_cfg.rpn_proposal.max_per_img": 64,
    "model.test_cfg.rpn.max_per_img": 64,
    "model.test_cfg.rcnn.score_thr": 0.01,
    "model.test_cfg.rcnn.max_per_img": 10,
}
TORCHVISION = 51  # waits of its step of Faster R-CNN on an H100


def detector(recipe: str) -> nn.Module:
    torch.manual_seed(0)
    options = {**SMALL, **(FEW_BOXES if "rcnn" in recipe else {})}
    model = build_model(prepare(recipe, options))
    model.init_weights()
    return model


def batch(*counts: int) -> dict[str, Any]:
    """Return images of several sizes, with as many boxes each."""
    samples, images = [], []
    for number, count in enumerate(counts):
        shape = (96 + 32 * (number % 2), 160 - 64 * (number % 2))
        sample = DetDataSample(
            metainfo={"img_shape": shape, "ori_shape": shape, "scale_factor": (1.0, 1.0)}
        )
        for name, there in (("gt_instances", count), ("ignored_instances", 2)):
            made = InstanceData(
                bboxes=HorizontalBoxes(boxes(there, 90) + torch.tensor([0, 0, 8, 8])),
                labels=torch.randint(0, 80, (there,)),
                masks=BitmapMasks((torch.rand(there, *shape) < 0.5).byte().numpy(), *shape),
            )
            setattr(sample, name, made)
        samples.append(sample)
        images.append(torch.randint(0, 256, (3, *shape), dtype=torch.uint8))
    return {"inputs": images, "data_samples": samples}


def step(recipe: str, *counts: int) -> dict[str, Any]:
    """Return the losses and gradients of a training step, and what is predicted then."""
    model = detector(recipe).train()
    given = model.data_preprocessor(batch(*counts), True)
    losses = model(**given, mode="loss")
    total, losses = model.parse_losses(losses)
    total.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert total.isfinite()
    with torch.no_grad():
        predicted = model.eval().test_step(batch(*counts))
    found = [dict(sample.pred_instances.items()) for sample in predicted]
    return {"losses": losses, "gradients": gradients, "predicted": found}


@pytest.mark.parametrize("counts", [(7, 20), (3, 0)])
@pytest.mark.parametrize("recipe", [FASTER, MASK, RETINA])
def test_a_step_has_the_same_bits(recipe: str, counts: tuple[int, ...]) -> None:
    found = assert_same_bits(lambda: step(recipe, *counts))
    assert len(found["gradients"]) > 40


@pytest.mark.full
@pytest.mark.parametrize("recipe", OTHERS)
def test_a_step_of_other_detectors_has_the_same_bits(recipe: str) -> None:
    assert_same_bits(lambda: step(recipe, 7, 20))


SAMPLING = {"random_sampler.py": 8, "anchor_head.py": 2, "rpn_head.py": 2, "bbox_head.py": 2}
TRAINING = {
    FASTER: {**SAMPLING, "single_level_roi_extractor.py": 1},
    MASK: {**SAMPLING, "single_level_roi_extractor.py": 2, "mask_target.py": 4, "structures.py": 2},
    RETINA: {"anchor_head.py": 2, "pseudo_sampler.py": 4},
}
PREDICTING = {
    FASTER: {"rpn_head.py": 2, "bbox_nms.py": 2, "single_level_roi_extractor.py": 1},
    RETINA: {"misc.py": 10, "base_dense_head.py": 2},
}


def waits_of(recipe: str, training: bool) -> Counter[str]:
    """Return how often the files of a step wait whose batch has been copied ahead."""
    with simulated_gpu() as waits:
        model = detector(recipe).train(training).to(DEVICE)
        ready = to_device(batch(20, 20), DEVICE)
        waits.clear()
        if training:
            losses = model(**model.data_preprocessor(ready, True), mode="loss")
            model.parse_losses(losses)[0].backward()
        else:
            model.test_step(ready)
    lines = (Path(line.partition(":")[0].partition(" ")[0]) for line in waits.elements())
    return Counter(path.name for path in lines)


@pytest.mark.parametrize("recipe", TRAINING)
def test_a_training_step_waits_for_sizes_only(recipe: str) -> None:
    found = waits_of(recipe, training=True)
    assert found <= Counter(TRAINING[recipe])
    assert found.total() < TORCHVISION / 2


@pytest.mark.parametrize("recipe", PREDICTING)
def test_a_prediction_waits_for_sizes_only(recipe: str) -> None:
    assert waits_of(recipe, training=False) <= Counter(PREDICTING[recipe])


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.function)
def test_upstream_still_waits_and_is_edited(edit: Edit) -> None:
    source = inspect.getsource(UPSTREAM[edit])
    assert edit.of(source) is not None, "upstream has other lines; change or remove the edit"
    assert edited(edit).__code__ != UPSTREAM[edit]


def test_upstream_waits_more_often_than_torchvision() -> None:
    assert compat.WAITING.needed()
    with as_upstream():
        assert waits_of(FASTER, training=True).total() > 2 * TORCHVISION


def test_it_is_applied_where_detectors_are_imported_and_asked_without_mmdet() -> None:
    run(
        """
        import sys
        from mmresnet import compat
        assert compat.WAITING.needed() and "mmdet" not in sys.modules
        from mmresnet.apis import get_model
        get_model("faster-rcnn_r18_fpn_1x_coco", num_classes=3)
        assert compat.WAITING.name in compat._applied
        from mmdet.models.losses import L1Loss
        assert L1Loss.forward.__code__.co_filename.endswith("edited by mmresnet.compat)")
        """
    )


DIFF = """
     assert beta > 0
-    if target.numel() == 0:
+    if len(target) == 0:
"""


@pytest.mark.parametrize("before", ["", "    x = 1\n", "    if target.numel() == 0:\n" * 2])
def test_other_lines_are_left_alone(before: str) -> None:
    """As those of another release would be."""
    assert Edit("mmdet", "f", DIFF).of(f"def f():\n{before}") is None


def test_parts_of_a_diff_need_not_follow_each_other() -> None:
    edit = Edit("mmdet", "f", "\n-    a\n+    b\n@@\n     c\n+    d\n")
    assert edit.of("a\n    a\n    x\n    c\n") == "a\n    b\n    x\n    c\n    d\n"


def test_it_is_not_needed_without_mmdet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not compat.WAITING.needed()


def test_it_is_not_needed_where_the_files_are_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    assert not compat.WAITING.needed()


def test_a_traceback_shows_the_edited_line() -> None:
    with pytest.raises(AttributeError) as raised:
        L1Loss()(torch.zeros(2, 4), None)
    frames = traceback.extract_tb(raised.tb)
    lines = [frame.line for frame in frames if "edited by mmresnet.compat" in frame.filename]
    assert lines == ["loss_bbox = self.loss_weight * l1_loss("]
