"""Detectors with our backbone compute what they compute with mmdet's."""

import subprocess
import sys

import pytest
import torch
from mmengine.registry import OPTIMIZERS
from other_libraries import to_our_names

from mmresnet import ops

ops.install()
pytest.importorskip("mmdet.models")

import detectors  # noqa: E402  it needs mmdet


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    return detectors.draw_images(tmp_path_factory.mktemp("discs"))


@pytest.fixture(scope="session")
def photographs(sample_data, tmp_path_factory):
    archive = sample_data / "bccd_coco.tar.xz"
    return detectors.unpack_photographs(archive, tmp_path_factory.mktemp("cells"))


def pair(cfg, same_draw=True):
    """Return the recipe's detector and the same with mmdet's backbone, with the same weights."""
    ours = detectors.build(cfg.model)
    theirs = detectors.build(detectors.with_mmdets_backbone(cfg.model))
    assert type(ours.backbone).__module__.startswith("mmresnet.")
    assert type(theirs.backbone).__module__.startswith("mmdet.")
    if same_draw:
        assert_equal(ours.state_dict(), theirs.state_dict())
    detectors.randomise_norms(theirs.backbone)
    ours.backbone.load_state_dict(to_our_names(theirs.backbone, ours.backbone))
    rest = {k: v for k, v in theirs.state_dict().items() if not k.startswith("backbone.")}
    assert ours.load_state_dict(rest, strict=False).unexpected_keys == []
    return ours, theirs


def assert_equal(mine, others):
    assert mine.keys() == others.keys()
    for name, value in mine.items():
        other = others[name]
        assert (value is None) == (other is None), name
        assert value is None or torch.equal(torch.as_tensor(value), torch.as_tensor(other)), name


def gradients(detector):
    """Return every parameter's gradient by its index, since names may differ."""
    return dict(enumerate(p.grad for p in detector.parameters()))


def assert_equal_boxes(mine, others, at_least):
    assert len(mine) == len(others)
    for found, other in zip(mine, others, strict=True):
        assert len(found["scores"]) >= at_least
        found, other = ({**f, "bboxes": torch.as_tensor(f["bboxes"])} for f in (found, other))
        assert_equal(found, other)


@pytest.mark.parametrize(
    ("images", "options", "scale"),
    [
        pytest.param("drawn", detectors.FEW_REGIONS, (128, 96), id="drawn"),
        pytest.param("photographs", {}, (320, 240), id="photographs", marks=pytest.mark.full),
    ],
)
def test_three_steps_are_the_same_bit_for_bit(images, options, scale, request):
    """Losses, gradients, weights after each step of SGD, and boxes at the end."""
    cfg = detectors.recipe("faster-rcnn_r50_fpn_1x_coco", options)
    batches = detectors.batches(cfg, request.getfixturevalue(images), scale)
    assert len(batches) == 3
    both = pair(cfg)
    settings = {**cfg.optim_wrapper.optimizer, "lr": 0.002}
    optimizers = [OPTIMIZERS.build({**settings, "params": d.parameters()}) for d in both]
    totals = []
    for step, batch in enumerate(batches):
        results = []
        for detector, optimizer in zip(both, optimizers, strict=True):
            optimizer.zero_grad()
            detector.train()
            computed = detectors.losses(detector, batch, seed=step)
            computed["loss"].backward()
            results.append(computed)
        assert_equal(*results)
        assert_equal(*map(gradients, both))
        for optimizer in optimizers:
            optimizer.step()
        assert_equal(*(detector.state_dict() for detector in both))
        totals.append(results[0]["loss"].item())
    print("losses", totals)
    assert torch.isfinite(torch.tensor(totals)).all() and len(set(totals)) == 3
    moved = [p.grad for p in both[0].backbone.parameters() if p.requires_grad]
    assert all(gradient.abs().max() > 0 for gradient in moved)
    assert_equal_boxes(*(detectors.predictions(d, batches[0]) for d in both), at_least=20)


SLOW = ("r101", "c4", "v1c", "mdconv")
OTHERS = {
    "faster-rcnn_r18_fpn_1x_coco": True,
    "faster-rcnn_r50-caffe_fpn_1x_coco": True,
    "faster-rcnn_r50-caffe_c4_1x_coco": True,
    "faster-rcnn_r50-mdconv-c3-c5_fpn_1x_coco": True,
    "faster-rcnn_r50v1c_fpn_1x_coco": False,  # mmdet initializes a deep stem in another order
    "faster-rcnn_r50v1d_fpn_1x_coco": False,
    "mask-rcnn_r50_fpn_1x_coco": True,
    "faster-rcnn_r101_fpn_1x_coco": True,
    "mask-rcnn_r101_fpn_1x_coco": True,
}


@pytest.mark.parametrize(
    ("name", "same_draw"),
    [
        pytest.param(name, same, id=name, marks=[pytest.mark.full] * any(s in name for s in SLOW))
        for name, same in OTHERS.items()
    ],
)
def test_a_step_of_every_kind_of_recipe_is_the_same(name, same_draw, drawn):
    """Losses and gradients of a step, and the predicted boxes and masks."""
    cfg = detectors.recipe(name, detectors.FEW_REGIONS)
    batch = detectors.batches(cfg, drawn, scale=(128, 96))[0]
    both = pair(cfg, same_draw)
    results = []
    for detector in both:
        detector.train()
        results.append(detectors.losses(detector, batch, seed=0))
        results[-1]["loss"].backward()
    assert_equal(*results)
    assert ("loss_mask" in results[0]) == name.startswith("mask")
    assert_equal(*map(gradients, both))
    found, others = (detectors.predictions(d, batch) for d in both)
    assert_equal_boxes(found, others, at_least=10)
    assert ("masks" in found[0]) == name.startswith("mask")


def test_frozen_parts_get_no_gradient(drawn):
    cfg = detectors.recipe("faster-rcnn_r18_fpn_1x_coco", detectors.FEW_REGIONS)
    detector = detectors.build(cfg.model)
    before = {name: value.clone() for name, value in detector.backbone.state_dict().items()}
    assert detector.train() is detector
    batch = detectors.batches(cfg, drawn, scale=(128, 96))[0]
    detectors.losses(detector, batch, seed=0)["loss"].backward()
    frozen = ("conv1", "bn1", "layer1")
    for name, parameter in detector.backbone.named_parameters():
        assert parameter.requires_grad != name.startswith(frozen), name
        assert (parameter.grad is None) == name.startswith(frozen), name
    norms = [m for m in detector.backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert not any(norm.training for norm in norms)  # norm_eval
    assert_equal(detector.backbone.state_dict(), before)  # their statistics stay


WITHOUT_MMPRETRAIN = """
import sys, traceback

class Refuse:
    '''Make mmpretrain seem absent, and record which file imports it.'''
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "mmpretrain":
            frames = [f for f in traceback.extract_stack() if "importlib" not in f.filename]
            importers.append(frames[-2].filename)
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

importers = []
sys.meta_path.insert(0, Refuse())

import mmresnet.models
mmresnet.models.backbones.ResNet(18)
assert "mmdet" not in sys.modules and importers == [], importers

from mmresnet.apis import get_model
model = get_model("faster-rcnn_r18_fpn_1x_coco", num_classes=3)
assert type(model.backbone).__module__.startswith("mmresnet."), model.backbone
assert not any(name.split(".")[0] == "mmpretrain" for name in sys.modules)
# mmdet imports it for re-identification, and does without
assert all("/mmdet/models/" in file for file in importers), importers
"""


@pytest.mark.full
def test_a_detector_does_not_need_mmpretrain():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MMPRETRAIN], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
