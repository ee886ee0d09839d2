"""The validation loss: its value, and that it does not affect the training."""

import itertools
import random

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from mmresnet.config.preflight.coco import follow_data
from mmresnet.engine.assembly import prepare_run
from mmresnet.errors import UserError

_numbers = itertools.count()


def build_runner(recipe, folder, options):
    from mmengine.runner import Runner

    own = {
        "val_cfg.loss": True,
        "default_hooks.checkpoint.save_best": None,  # which needs a training around it
        "experiment_name": f"val_loss{next(_numbers)}",
    }
    options = {**own, **options}
    cfg = prepare_run(recipe, str(folder), options)
    follow_data(cfg, ("train_dataloader", "val_dataloader"), options)
    return Runner.from_cfg(cfg)


@pytest.fixture
def detector(small_detector, tmp_path):
    """``detector(**options)`` returns a Runner whose validation halves the images."""

    def build(**options):
        half = {"val_dataloader.dataset.pipeline.1.scale": (40, 32), "val_dataloader.batch_size": 3}
        named = {key.replace("__", "."): value for key, value in options.items()}
        settings = {**small_detector, **half, **named}
        return build_runner("faster-rcnn_r18_fpn_1x_coco", tmp_path, settings)

    return build


def run_from_a_seed(runner):
    """Return the results of a validation, and the states of the random numbers after it."""
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(5)
    found = runner.val_loop.run()
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    return found, states


def test_boxes_are_scaled_to_the_resized_image(detector):
    runner = detector()
    found = runner.val()
    assert found["val/loss"] == pytest.approx(
        sum(value for name, value in found.items() if name.startswith("val/loss_")), rel=1e-5
    )
    # the same with boxes that the pipeline itself resizes
    loading, resizing = runner.cfg.val_dataloader.dataset.pipeline[2:0:-1]
    pipeline = [runner.cfg.val_dataloader.dataset.pipeline[0], loading, resizing]
    pipeline += runner.cfg.val_dataloader.dataset.pipeline[3:]
    assert [step.type for step in pipeline[1:3]] == ["LoadAnnotations", "Resize"]
    again = detector(val_dataloader__dataset__pipeline=pipeline).val()
    assert again == pytest.approx(found, rel=1e-5, nan_ok=True)


def test_the_loss_changes_nothing_else(detector):
    runner = detector()
    without = detector(val_cfg__loss=False)
    without.model.load_state_dict(runner.model.state_dict())
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    assert any("running_mean" in name for name in before)
    runner.model.train()
    found, drawn = run_from_a_seed(runner)
    after = runner.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    plain, drawn_without = run_from_a_seed(without)
    assert drawn == drawn_without
    assert not any(name.startswith("val/") for name in plain)
    losses = {name: value for name, value in found.items() if name.startswith("val/")}
    assert {"val/loss", "val/loss_rpn_bbox", "val/loss_cls", "val/acc"} <= set(losses)
    assert {name: found[name] for name in plain} == plain
    torch.manual_seed(123)  # the same boxes are sampled as in the first run
    assert {name: runner.val_loop.run()[name] for name in losses} == losses


def test_a_classifiers_loss_is_the_mean_over_the_images(tiny_images, tmp_path):
    pytest.importorskip("mmpretrain")
    options = {
        "data_root": str(tiny_images),
        "num_classes": 3,
        "batch_size": 4,  # of 6 images
        "num_workers": 0,
        "model.backbone.depth": 18,
        "model.backbone.stem_channels": 8,
        "model.backbone.base_channels": 8,
        "model.head.in_channels": 64,
        "val_dataloader.dataset.pipeline.2.crop_size": 32,
    }
    runner = build_runner("resnet50_8xb32_in1k", tmp_path, options)
    found = runner.val()
    losses = []
    for batch in runner.val_dataloader:
        data = runner.model.data_preprocessor(batch, False)
        scores = runner.model(data["inputs"])
        target = torch.cat([sample.gt_label for sample in data["data_samples"]])
        losses += torch.nn.functional.cross_entropy(scores, target, reduction="none").tolist()
    assert len(losses) == 6
    assert found["val/loss"] == pytest.approx(sum(losses) / 6, rel=1e-5)
    assert "accuracy/top1" in found


@pytest.mark.parametrize(
    ("index", "step", "message"),
    [
        (2, None, "loads no annotations"),
        (1, {"type": "RandomFlip", "prob": 1.0}, "annotations after RandomFlip"),
    ],
)
def test_unsupported_pipelines(index, step, message, detector):
    with DefaultScope.overwrite_default_scope("mmdet"):
        runner = detector()
        pipeline = list(runner.cfg.val_dataloader.dataset.pipeline)
        pipeline[index : index + 1] = [] if step is None else [step, pipeline[index]]
        with pytest.raises(UserError, match=message):
            detector(val_dataloader__dataset__pipeline=pipeline).val_loop.run()


@pytest.mark.parametrize("masks", [False, True])
def test_scaling_of_boxes_and_masks(masks):
    pytest.importorskip("mmdet")
    from mmdet.structures import DetDataSample
    from mmdet.structures.bbox import HorizontalBoxes
    from mmdet.structures.mask import BitmapMasks
    from mmengine.structures import InstanceData

    from mmresnet.engine.val_loop import scale_boxes

    boxes = torch.tensor([[2.0, 4.0, 6.0, 8.0]])
    kind = HorizontalBoxes if masks else torch.clone
    original = InstanceData(bboxes=kind(boxes))
    if masks:
        original.masks = BitmapMasks(np.ones((1, 8, 8), dtype=np.uint8), 8, 8)
    sample = DetDataSample(gt_instances=original)
    sample.set_metainfo({"scale_factor": (0.5, 2.0), "img_shape": (16, 4)})
    scale_boxes(sample)
    scaled = sample.gt_instances.bboxes
    scaled = scaled.tensor if masks else scaled
    assert scaled.tolist() == [[1.0, 8.0, 3.0, 16.0]]
    assert boxes.tolist() == [[2.0, 4.0, 6.0, 8.0]]
    if masks:
        assert sample.gt_instances.masks.masks.shape == (1, 16, 4)
