"""Every detection recipe builds and equals its published source except for listed differences."""

import ast
import inspect
import re

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.optim import build_optim_wrapper
from mmengine.registry import HOOKS, MODELS, TRANSFORMS

from mmresnet.config.find import config_folder, find_config, recipe_paths
from mmresnet.config.load import load_config
from mmresnet.models.backbones import ResNet

FOLDER = config_folder() / "coco"
# those with the schedule of the paper: test_configs_detection_paper.py
RECIPES = [p for p in recipe_paths().values() if p.parent == FOLDER and p.stem.endswith("x_coco")]


every_recipe = pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)


@every_recipe
def test_docstring_gives_command_source_and_number(path):
    text = " ".join(ast.get_docstring(ast.parse(path.read_text())).split())
    assert f"tools/dist_train.sh configs/coco/{path.name} 8" in text
    assert re.search(r"Source: .*\bmmdet 3\.3\.0", text)
    assert ("No number is published" in text) != bool(re.search(r"Expect \d+\.\d box AP", text))


@every_recipe
def test_builds(path, mmdet_scope):
    cfg = load_config(path)
    with torch.device("meta"):  # names and shapes without drawing 40 million weights
        model = MODELS.build(cfg.model)
    assert type(model.backbone).__module__.startswith("mmresnet.")
    assert model.roi_head.bbox_head.num_classes == cfg.num_classes == 80
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        data = loader.dataset
        for transform in (data.dataset if data.type == "RepeatDataset" else data).pipeline:
            TRANSFORMS.build(transform)
    wrapper = build_optim_wrapper(torch.nn.BatchNorm2d(2), dict(cfg.optim_wrapper))
    assert wrapper.optimizer.param_groups[0]["lr"] == cfg.optim_wrapper.optimizer.lr


@every_recipe
def test_name_gives_the_schedule(path):
    cfg = load_config(path)
    passes = int(re.search(r"(\d)x_coco$", path.stem)[1]) * 12
    assert cfg.train_cfg.max_epochs * cfg.train_dataloader.dataset.get("times", 1) == passes
    assert cfg.auto_scale_lr.base_batch_size == 8 * cfg.batch_size == 16
    _, steps = cfg.param_scheduler
    assert max(steps.milestones) < steps.end == cfg.train_cfg.max_epochs


@every_recipe
def test_sets_what_mmdet_has_as_defaults(path):
    """mmdet's ResNet outputs all four stages and freezes statistics by default; ours does not."""
    backbone = load_config(path).model.backbone
    assert {"out_indices", "norm_eval", "frozen_stages"} <= backbone.keys()


def test_keeps_the_best_box_ap():
    cfg = load_config("faster-rcnn_r50_fpn_1x_coco")
    hook = HOOKS.build(cfg.default_hooks.checkpoint)
    assert isinstance(hook, CheckpointHook)
    assert hook.key_indicators == ["coco/bbox_mAP"] and hook.rules == ["greater"]
    assert hook.max_keep_ckpts == 3


# --- recipes against mmdet's ----------------------------------------------------------------

SPELLED_DIFFERENTLY = {
    "faster-rcnn_r50-caffe_c4_1x_coco": "faster-rcnn_r50-caffe_c4-1x_coco",
    # not published: these follow the recipes of ResNet-50
    "faster-rcnn_r101-caffe_c4_1x_coco": "faster-rcnn_r50-caffe_c4-1x_coco",
    "faster-rcnn_r18_fpn_1x_coco": "faster-rcnn_r50_fpn_1x_coco",
    "faster-rcnn_r18_fpn_2x_coco": "faster-rcnn_r50_fpn_2x_coco",
    "faster-rcnn_r50v1c_fpn_1x_coco": "faster-rcnn_r50_fpn_1x_coco",
    "faster-rcnn_r50v1d_fpn_1x_coco": "faster-rcnn_r50_fpn_1x_coco",
}
# path: (theirs, ours); None where it is absent
COMMON = {
    # with a fixed name, a second run in a process would log to the folder of the first
    "visualizer.name": ("visualizer", None),
    "randomness.seed": (None, 0),
    "default_hooks.checkpoint.max_keep_ckpts": (None, 3),
    "default_hooks.checkpoint.save_best": (None, "coco/bbox_mAP"),
}
WEIGHTS = "model.backbone.init_cfg.checkpoint"
RESNET18 = {
    "model.backbone.depth": (50, 18),
    WEIGHTS: ("torchvision://resnet50", "torchvision://resnet18"),
    "model.neck.in_channels": ((256, 512, 1024, 2048), (64, 128, 256, 512)),
}
ZOO = "https://download.openmmlab.com/mmclassification/v0/resnet/"


def variant(name: str, checkpoint: str) -> dict:
    return {
        "model.backbone.type": ("ResNet", name),
        WEIGHTS: ("torchvision://resnet50", ZOO + checkpoint),
        "model.backbone.init_cfg.prefix": (None, "backbone."),
    }


CAFFE_WEIGHTS = tuple(f"open-mmlab://detectron2/resnet{depth}_caffe" for depth in (50, 101))
DIFFERENCES = {
    "faster-rcnn_r101-caffe_c4_1x_coco": {
        "model.backbone.depth": (50, 101),
        WEIGHTS: CAFFE_WEIGHTS,
        "model.roi_head.shared_head.depth": (50, 101),
        "model.roi_head.shared_head.init_cfg.checkpoint": CAFFE_WEIGHTS,
    },
    "faster-rcnn_r18_fpn_1x_coco": RESNET18,
    "faster-rcnn_r18_fpn_2x_coco": RESNET18,
    "faster-rcnn_r50v1c_fpn_1x_coco": variant(
        "ResNetV1c", "resnetv1c50_8xb32_in1k_20220214-3343eccd.pth"
    ),
    "faster-rcnn_r50v1d_fpn_1x_coco": variant(
        "ResNetV1d", "resnetv1d50_b32x8_imagenet_20210531-db14775a.pth"
    ),
    # from mmdet 2.x to 3.x, its mean and std fell back to those of the base
    "faster-rcnn_r101-caffe_fpn_ms-3x_coco": {
        "model.data_preprocessor.mean": ((123.675, 116.28, 103.53), (103.53, 116.28, 123.675)),
        "model.data_preprocessor.std": ((58.395, 57.12, 57.375), (1.0, 1.0, 1.0)),
        "model.data_preprocessor.bgr_to_rgb": (True, False),
    },
}
VARIABLES = (
    *("data_root", "num_classes", "batch_size", "num_workers", "train_pipeline", "test_pipeline"),
    *("dataset_type", "backend_args", "vis_backends", "checkpoint", "norm_cfg", "on_bad_sample"),
    "weights",
)
# what one side writes out, and is the default for the other
WRITTEN_OUT = {"drop_last": False, "format_only": False, "enable": False, "deterministic": False}
WRITTEN_OUT["on_bad_sample"] = "stop"  # as theirs do


def normalised(cfg: Config) -> dict:
    """Return the settings of a config, in one notation for both projects."""
    plain = {key: value for key, value in cfg.to_dict().items() if key not in VARIABLES}
    defaults = inspect.signature(ResNet.__init__).parameters
    backbone = plain["model"]["backbone"]
    for key in ("num_stages", "style"):  # mmdet's class has the same defaults
        if backbone.get(key) == defaults[key].default:
            del backbone[key]
    return plain


@every_recipe
def test_equals_mmdet(path, differences):
    name = path.stem
    ours = normalised(load_config(path))
    theirs = normalised(load_config(f"mmdet::{SPELLED_DIFFERENTLY.get(name, name)}.py"))
    found = differences(theirs, ours, WRITTEN_OUT)
    assert found == {**COMMON, **DIFFERENCES.get(name, {})}


def test_the_docstring_names_the_file_that_is_compared():
    for path in RECIPES:
        theirs = find_config(f"mmdet::{SPELLED_DIFFERENTLY.get(path.stem, path.stem)}.py")
        assert f"configs/{theirs.parent.name}/{theirs.name}" in path.read_text(), path.name


# --- custom data ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["faster-rcnn_r50-caffe_fpn_ms-3x_coco", "mask-rcnn_r50_fpn_1x_coco"]
)
def test_two_overrides_suffice_for_another_data_set(name):
    options = {"data_root": "my/cells", "num_classes": 3, "batch_size": 4}
    cfg = load_config(name, options)
    assert "data/coco" not in cfg.pretty_text
    assert cfg.train_dataloader.batch_size == 4 and cfg.val_dataloader.batch_size == 1
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        data = loader.dataset
        data = data.dataset if data.type == "RepeatDataset" else data
        assert data.data_root == "my/cells"
    assert cfg.val_evaluator.ann_file == "my/cells/annotations/instances_val2017.json"
    heads = [head for key, head in cfg.model.roi_head.items() if key.endswith("_head")]
    assert [head.num_classes for head in heads] == [3] * len(heads)


def test_masks_are_loaded():
    cfg = load_config("mask-rcnn_r101_fpn_1x_coco")
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        (reader,) = [t for t in loader.dataset.pipeline if t.type == "LoadAnnotations"]
        assert reader.with_mask
    assert cfg.test_evaluator.metric == ["bbox", "segm"]
