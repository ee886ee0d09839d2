"""Wrong configs: mistakes are found before anything is built, and all of them are listed.

Every row is a recipe, what is wrong with it, and what is said of it.
"""

import pytest

from mmresnet.config.find import config_folder
from mmresnet.config.preflight.checks import find_mistakes
from mmresnet.config.preflight.findings import FoundErrors, errors, raise_errors, warnings
from mmresnet.config.preflight.learning_rate import check_learning_rate
from mmresnet.config.preflight.preprocessing import compare_with_weights
from mmresnet.engine.preflight import check, prepare_checked

CLASSIFIER = "resnet50_8xb32_in1k"
DETECTOR = "faster-rcnn_r18_fpn_1x_coco"
IMAGENET = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375], "to_rgb": True}
PIPELINE = "train_dataloader.dataset.pipeline"


def findings(recipe, options):
    cfg, found = prepare_checked(recipe, cfg_options=options)
    return found + check(cfg)


@pytest.fixture
def found(tiny_images, request):
    """``found(recipe, options)`` returns the findings, with data that is there."""

    def run(recipe, options):
        if recipe == CLASSIFIER:
            return findings(recipe, {"data_root": str(tiny_images), "num_classes": 3} | options)
        return findings(recipe, request.getfixturevalue("small_detector") | options)

    return run


ERRORS = [
    # types
    ({"model.type": "ImageClassifer"}, "model.type", "no model 'ImageClassifer'. Did you mean 'Im"),
    ({"model.backbone.type": "mmresnet.ResNett"}, "model.backbone.type", "mean 'ResNet'?"),
    ({"model.head.loss.type": "mmresnet.CrossEntropy"}, "model.head.loss.type", "CrossEntropyLoss"),
    ({f"{PIPELINE}.1.type": "RandomResizedCrp"}, f"{PIPELINE}.1.type", "'RandomResizedCrop'"),
    ({"train_dataloader.dataset.type": "CustomDatset"}, "train_dataloader.dataset.type", "Dataset"),
    (
        {"train_dataloader.sampler.type": "DefaultSample"},
        "train_dataloader.sampler.type",
        "Sampler",
    ),
    (
        {"train_dataloader.collate_fn.type": "default_colate"},
        "train_dataloader.collate_fn.type",
        "'d",
    ),
    ({"optim_wrapper.optimizer.type": "SDG"}, "optim_wrapper.optimizer.type", "mean 'SGD'?"),
    ({"optim_wrapper.type": "AmpOptimWraper"}, "optim_wrapper.type", "'AmpOptimWrapper'"),
    ({"param_scheduler.type": "MultistepLR"}, "param_scheduler.type", "mean 'MultiStepLR'?"),
    ({"default_hooks.timer.type": "IterTimeHook"}, "default_hooks.timer.type", "'IterTimerHook'"),
    ({"custom_hooks": [{"type": "EMAHok"}]}, "custom_hooks.0.type", "no hook 'EMAHok'"),
    ({"custom_hooks": "[dict(type='EMAHook')]"}, "custom_hooks", "Give one: --cfg-options"),
    ({"visualizer.vis_backends.0.type": "LocalBackend"}, "visualizer.vis_backends.0.type", "Vis"),
    ({"val_evaluator.type": "Acuracy"}, "val_evaluator.type", "mean 'Accuracy'?"),
    # scopes
    ({"default_scope": "mmpretrian"}, "default_scope", "no package 'mmpretrian' installed"),
    ({"model.backbone.type": "mmresnt.ResNet"}, "model.backbone.type", "mean 'mmresnet'?"),
    ({"model.head._scope_": "mmdett"}, "model.head._scope_", "Did you mean 'mmdet'?"),
    # keywords
    (
        {"model.backbone.dept": 18},
        "model.backbone.dept",
        "no keyword 'dept'. Did you mean 'depth'?",
    ),
    ({"model.head.loss.los_weight": 1.0}, "model.head.loss.los_weight", "'loss_weight'"),
    ({"optim_wrapper.optimizer.momentun": 0}, "optim_wrapper.optimizer.momentun", "'momentum'"),
    ({"optim_wrapper.clip_gard": {}}, "optim_wrapper.clip_gard", "'clip_grad'"),
    ({"param_scheduler.milestone": [3]}, "param_scheduler.milestone", "'milestones'"),
    ({f"{PIPELINE}.2.probability": 1}, f"{PIPELINE}.2.probability", "RandomFlip has no keyword"),
    ({"default_hooks.logger.intervall": 9}, "default_hooks.logger.intervall", "'interval'"),
    ({"randomness.sed": 1}, "randomness.sed", "Did you mean 'randomness.seed'?"),
    # options that hit nothing
    ({"optim_wrapper.optimiser.lr": 1}, "optim_wrapper.optimiser.lr", "'optim_wrapper.optimizer'?"),
    ({"train_dataloader.batch_sze": 4}, "train_dataloader.batch_sze", "loader.batch_size'?"),
    ({"data_rot": "x"}, "data_rot", "no setting 'data_rot'"),
    ({"optim_wrapper.optimizer.lr": "fast"}, "optim_wrapper.optimizer.lr", "give a number"),
    # the model
    ({"model.backbone.depth": 51}, "model.backbone.depth", "no depth 51"),
    ({"model.backbone.out_indices": (4,)}, "model.backbone.out_indices", "from 0 to 3"),
    ({"model.head.in_channels": 65}, "model.head.in_channels", "set in_channels=2048"),
    # classes
    ({"num_classes": 4}, "", "num_classes is 4, but"),
    (
        {"train_dataloader.dataset.metainfo.classes": ["a", "b", "c", "d"]},
        "model.head.num_classes",
        "is 3, and train_dataloader.dataset has 4 classes",
    ),
    # files
    ({"data_root": "no/such"}, "train_dataloader.dataset", "'no/such/train' does not exist"),
    ({"load_from": "no/such.pth"}, "load_from", "no checkpoint at 'no/such.pth'"),
    (
        {"model.backbone.init_cfg": {"type": "Pretrained", "checkpoint": "no/such.pth"}},
        "model.backbone.init_cfg.checkpoint",
        "there is no 'no/such.pth'",
    ),
    # the loop and the schedule
    ({"train_cfg.max_epochs": 0}, "train_cfg.max_epochs", "max_epochs is 0. Give a positive"),
    ({"train_cfg.by_epoch": False}, "train_cfg.max_epochs", "IterBasedTrainLoop has no keyword"),
    ({"val_evaluator": None}, "val_evaluator", "val_dataloader and val_cfg needs it"),
    ({"param_scheduler.begin": 9, "param_scheduler.end": 5}, "param_scheduler", "begin below end"),
    # loaders
    ({"batch_size": 0}, "train_dataloader.batch_size", "Give a whole number from 1 on."),
    ({"num_workers": -1}, "train_dataloader.num_workers", "Give a whole number from 0 on."),
    (
        {"train_dataloader.prefetch_factor": 2, "num_workers": 0},
        "train_dataloader.prefetch_factor",
        "none can prefetch",
    ),
    ({"train_dataloader.shuffle": True}, "train_dataloader.shuffle", "loader.sampler.shuffle"),
    (
        {"train_dataloader.sampler.type": "InfiniteSampler"},
        "train_dataloader.sampler.type",
        "has no end",
    ),
    # normalization
    ({"data_preprocessor.mean": [1, 2]}, "data_preprocessor.mean", "has 2 values"),
    ({"data_preprocessor.std": [58, 0, 57]}, "data_preprocessor.std", "Give no 0"),
    ({"data_preprocessor.std": None}, "data_preprocessor.std", "not given, and mean is"),
    # metrics and hooks
    ({"val_evaluator.type": "mmdet.DumpProposals"}, "val_evaluator.type", "measures detectors"),
    (
        {"default_hooks.loger": {"type": "LoggerHook"}},
        "default_hooks.loger",
        "'default_hooks.logger'",
    ),
]
DETECTION = [
    ({"model.rpn_head.type": "RPNHed"}, "model.rpn_head.type", "mean 'RPNHead'?"),
    ({"model.roi_head.type": "mmdett.StandardRoIHead"}, "model.roi_head.type", "mean 'mmdet'?"),
    (
        {"model.rpn_head.anchor_generator.stride": [4]},
        "model.rpn_head.anchor_generator.stride",
        "Did you mean 'strides'?",
    ),
    (
        {"model.train_cfg.rcnn.assigner.pos_iou_thrr": 0.5},
        "model.train_cfg.rcnn.assigner.pos_iou_thrr",
        "Did you mean 'pos_iou_thr'?",
    ),
    (
        {"model.train_cfg.rpn_proposal.nms_prre": 9},
        "model.train_cfg.rpn_proposal.nms_prre",
        "nms_pre",
    ),
    (
        {"model.backbone.out_indices": (0, 1, 2)},
        "model.neck.in_channels",
        "gives maps of [8, 16, 32]",
    ),
    ({"model.neck.num_out": 5}, "model.neck.num_out", "'num_outs'"),
    (
        {"train_dataloader.dataset.ann_file": "x.json"},
        "train_dataloader.dataset",
        "there is no annotation file",
    ),
    ({"val_evaluator.type": "mmpretrain.Accuracy"}, "val_evaluator.type", "measures classifiers"),
    (
        {"model.data_preprocessor.rgb_to_bgr": True},
        "model.data_preprocessor.rgb_to_bgr",
        "exclude each other",
    ),
]
WARNINGS = [
    ({"train_cfg.max_epochs": 40}, "param_scheduler.milestones", "[60, 90] lie at or behind"),
    ({"param_scheduler.end": 120}, "param_scheduler.end", "Set end=100, or max_epochs=120."),
    ({"param_scheduler.end": 95}, "param_scheduler.end", "ends at 95 of 100 epochs"),
    ({"param_scheduler.begin": 100}, "param_scheduler.begin", "and so never"),
    ({"train_cfg.val_interval": 200}, "train_cfg.val_interval", "no validation before the end"),
    ({"train_dataloader.sampler.shuffle": False}, "train_dataloader.sampler.shuffle", "same order"),
    (
        {"data_preprocessor.mean": [0.485, 0.456, 0.406]},
        "data_preprocessor.mean",
        "by 255: [123.675,",
    ),
    (
        {PIPELINE: [{"type": "Normalize", **IMAGENET}]},
        f"{PIPELINE}.0",
        "normalizes the images",
    ),
    ({"data_preprocessor.num_classes": 9}, "data_preprocessor.num_classes", "Set num_classes=3."),
]


def check_one(found, options, where, words):
    matching = [one for one in found if one.where == where and words in str(one)]
    assert len(matching) == 1, [str(one) for one in found]
    assert "\n" not in str(matching[0])


@pytest.mark.parametrize(("options", "where", "words"), ERRORS, ids=lambda x: str(x)[:40])
def test_a_wrong_classifier(options, where, words, found):
    check_one(errors(found(CLASSIFIER, options)), options, where, words)


@pytest.mark.parametrize(("options", "where", "words"), DETECTION, ids=lambda x: str(x)[:40])
def test_a_wrong_detector(options, where, words, found):
    check_one(errors(found(DETECTOR, options)), options, where, words)


@pytest.mark.parametrize(("options", "where", "words"), WARNINGS, ids=lambda x: str(x)[:40])
def test_what_is_hardly_meant(options, where, words, found):
    all_of_them = found(CLASSIFIER, options)
    check_one(warnings(all_of_them), options, where, words)
    assert errors(all_of_them) == []


def test_nothing_is_wrong(found):
    assert found(CLASSIFIER, {}) == []
    assert errors(found(DETECTOR, {"train_cfg.max_epochs": 12})) == []


def test_all_mistakes_are_listed_at_once(found):
    options = {
        "model.backbone.dept": 18,
        "optim_wrapper.optimizer.type": "SDG",
        "optim_wrapper.optimiser.lr": 1,
        "num_classes": 4,
        "load_from": "no/such.pth",
        "train_cfg.max_epochs": 40,
    }
    all_of_them = found(CLASSIFIER, options)
    with pytest.raises(FoundErrors) as caught:
        raise_errors(all_of_them)
    heading, *lines = str(caught.value).splitlines()
    assert heading == "The config has 5 errors:"
    for line, words in zip(
        lines,
        ["'optimiser'", "no optimizer 'SDG'", "'dept'", "load_from", "3 class f"],
        strict=False,
    ):
        assert any(words in one for one in lines), (words, lines)
        assert line.startswith("  ")
    assert [one.where for one in warnings(all_of_them)] == ["param_scheduler.milestones"]


def test_a_single_error_is_one_line(found):
    with pytest.raises(FoundErrors) as caught:
        raise_errors(found(CLASSIFIER, {"model.backbone.dept": 18}))
    assert str(caught.value) == (
        "model.backbone.dept: mmresnet.ResNet has no keyword 'dept'. Did you mean 'depth'?"
    )


def test_the_learning_rate_of_another_batch_size():
    cfg, _ = prepare_checked(CLASSIFIER)
    (finding,) = find_mistakes(cfg, [check_learning_rate])
    assert "0.1 x 32 / 256 = 0.0125" in str(finding)
    assert list(check_learning_rate(cfg, processes=8)) == []
    cfg.auto_scale_lr.enable = True
    assert list(check_learning_rate(cfg)) == []


def test_another_normalization_than_that_of_the_weights():
    init_cfg = {"type": "Pretrained", "checkpoint": "torchvision://resnet50"}
    cfg, _ = prepare_checked(CLASSIFIER, cfg_options={"model.backbone.init_cfg": init_cfg})
    assert list(compare_with_weights(cfg)) == []
    cfg.data_preprocessor.update(to_rgb=False, mean=[103.53, 116.28, 123.675])
    colours, mean = compare_with_weights(cfg)
    assert "trained on RGB images, and the config gives BGR" in str(colours)
    assert "trained with mean [123.675, 116.28, 103.53]" in str(mean)


# --- variables that reach nothing ------------------------------------------------------------


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def variables(path):
    cfg, _ = prepare_checked(path)
    return [one for one in find_mistakes(cfg) if one.severity == "warning"]


BASE = f"""
_base_ = '{config_folder() / CLASSIFIER}.py'
normalization = dict(mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0])
data_preprocessor = dict(**normalization)
flip = 0.5
train_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImageFromFile'), dict(type='RandomFlip', prob=flip), dict(type='PackInputs')]))
"""


def test_a_variable_without_an_effect(write):
    write("base.py", BASE)
    changed = "normalization = dict(mean=[7.0, 8.0, 9.0], std=[4.0, 5.0, 6.0])\n"
    (finding,) = variables(write("a.py", f"_base_ = './base.py'\n{changed}"))
    assert finding.where == "normalization"
    assert "no part of the config has its new value" in finding.what
    # used by the file itself, or by one between it and the base
    used = f"_base_ = './base.py'\n{changed}data_preprocessor = dict(**normalization)\n"
    assert variables(write("b.py", used)) == []
    assert variables(write("c.py", "_base_ = './b.py'\n")) == []


def test_a_pipeline_that_the_loader_does_not_have(write):
    """The base's loader has a list of its own, so that there is nothing to follow."""
    write("base.py", BASE)
    text = "_base_ = './base.py'\ntrain_pipeline = [dict(type='LoadImageFromFile')]\n"
    (finding,) = variables(write("a.py", text))
    assert finding.where == "train_pipeline"


def test_a_setting_with_a_misspelled_name(write):
    text = f"_base_ = '{config_folder() / CLASSIFIER}.py'\ntrain_dataloder = dict(batch_size=4)\n"
    (finding,) = variables(write("a.py", text))
    assert str(finding) == (
        "a run reads no setting of the name 'train_dataloder'. Did you mean 'train_dataloader'?"
    )


def test_a_config_that_a_program_changed(write):
    """load_config lets parts follow in files and options; a program has to do it itself."""
    cfg, _ = prepare_checked(CLASSIFIER)
    cfg.train_pipeline = [{"type": "LoadImageFromFile"}, {"type": "PackInputs"}]
    (finding,) = find_mistakes(cfg)
    assert "train_dataloader.dataset.pipeline still has the old value" in str(finding)
