"""The localization recipes: they build, agree with the paper, and the demo's run end to end."""

import numpy as np
import pytest
from mmengine.registry import MODELS, TRANSFORMS

from mmresnet.config.load import load_config
from mmresnet.datasets.class_scores import ClassScores, save
from mmresnet.datasets.demo import digit_localization

RPN = "resnet101-rpn_8xb32_imagenet-loc"
RCNN = "resnet101-rcnn_8xb32_imagenet-loc"
DEMO = ["digit-localization_resnet20_rpn", "digit-localization_resnet20_rcnn"]
NO_WEIGHTS = {"model.backbone.init_cfg": None}


@pytest.mark.parametrize("name", [RPN, RCNN, *DEMO])
def test_models_and_pipelines_build(name, mmpretrain_scope):
    small = {"model.backbone.depth": 50} if name in (RPN, RCNN) else {}
    cfg = load_config(name, {**NO_WEIGHTS, **small})
    model = MODELS.build(cfg.model)
    assert model.head.num_classes == cfg.num_classes
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        for step in loader.dataset.pipeline:
            TRANSFORMS.build(step)


def test_the_protocol_is_the_papers():
    """He et al. 2015, Appendix C and Sec. 3.4."""
    cfg = load_config(RPN)
    assert 8 * cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == 256
    steps = cfg.train_pipeline[1].transforms
    assert list(steps) == ["RandomResize", "RandomCrop", "RandomHorizontalFlip"]
    assert (steps.RandomResize.min_size, steps.RandomResize.max_size) == (256, 480 + 1)
    assert steps.RandomCrop.size == 224
    head = MODELS.build({**cfg.model.head, "num_classes": 3})
    assert head.samples_per_image == 8
    assert cfg.model.backbone.depth == 101
    assert (cfg.model.test_cfg.scales, cfg.model.test_cfg.crop) == ((256,), 224)
    dense = load_config("resnet101-rpn-dense_8xb32_imagenet-loc").model.test_cfg
    assert (tuple(dense.scales), dense.crop) == ((224, 256, 384, 480, 640), None)
    assert load_config(RCNN).model.size == 224


def test_scores_of_the_config_are_those_of_the_data_set():
    cfg = load_config(RCNN, {"scores": "mine.npz"})
    assert cfg.test_dataloader.dataset.scores == cfg.val_dataloader.dataset.scores == "mine.npz"


def test_the_classifier_is_that_of_imagenet_on_the_same_images(differences):
    found = differences(
        load_config("resnet101_8xb32_in1k").to_dict(),
        load_config("resnet101_8xb32_imagenet-loc").to_dict(),
    )
    assert {path.partition(".")[0] for path in found} == {
        *("data_root", "train_dataloader", "val_dataloader", "test_dataloader")
    }
    sets = {
        name: load_config(name).test_dataloader.dataset
        for name in (RPN, "resnet101_8xb32_imagenet-loc")
    }
    assert {(one.type, one.data_root, one.split) for one in sets.values()} == {
        ("mmresnet.ImageNetLoc", "data/ILSVRC", "val")
    }


@pytest.mark.full
def test_the_demo_runs_end_to_end(tmp_path, monkeypatch, capsys):
    from mmresnet.apis import test, train
    from mmresnet.cli.main import main

    pytest.importorskip("mmpretrain")
    monkeypatch.setattr(digit_localization, "PICTURES", {"train": 128, "val": 12})
    root, scores = tmp_path / "data", tmp_path / "scores.npz"
    digit_localization.write_digit_localization(root)
    random = np.random.RandomState(0)
    save(
        scores,
        ClassScores(
            random.rand(12, 10).astype(np.float32),
            [f"val_{number:06d}" for number in range(12)],
            list(digit_localization.CLASSES),
        ),
    )
    options = {"data_root": str(root), "train_cfg.max_epochs": 1, **NO_WEIGHTS}

    def run(name, **more):
        cfg_options = {**options, **more}
        work_dir = tmp_path / name
        cfg_options["experiment_name"] = name
        train(name, work_dir=str(work_dir), cfg_options=cfg_options)
        checkpoint = str(work_dir / "epoch_1.pth")
        cfg_options["experiment_name"] = f"{name}_test"
        cfg_options["test_dataloader.dataset.scores"] = str(scores)
        return checkpoint, test(
            name, checkpoint, work_dir=f"{work_dir}_test", cfg_options=cfg_options
        )

    checkpoint, errors = run(DEMO[0])
    expected = {"error_gt_class", "error_top1", "error_top5", "cls_error_top1", "cls_error_top5"}
    assert errors.keys() == {f"loc/{name}" for name in expected}
    assert errors["loc/cls_error_top5"] <= errors["loc/error_top5"] <= errors["loc/error_top1"]

    proposals = {}
    for split, images, classes in (("train", 64, "1 class"), ("test", 12, "6 classes")):
        proposals[split] = str(tmp_path / "proposals" / split)
        command = ["propose", DEMO[0], checkpoint, proposals[split], "--split", split]
        command += ["--count", "5", "--workers", "0", "--device", "cpu", "--cfg-options"]
        command += [f"data_root={root}", "model.backbone.init_cfg=None"]
        assert main([*command, f"test_dataloader.dataset.scores={scores}"]) == 0
        expected_line = f"{proposals[split]}: 5 proposals for {classes} in each of {images} images"
        assert capsys.readouterr().out.splitlines()[-1] == expected_line
    _, errors = run(
        DEMO[1],
        **{
            "scores": str(scores),
            "train_dataloader.dataset.proposals": proposals["train"],
            "val_dataloader.dataset.proposals": proposals["test"],
            "test_dataloader.dataset.proposals": proposals["test"],
        },
    )
    assert errors.keys() == {f"loc/{name}" for name in expected}
