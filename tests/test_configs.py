"""Every recipe parses, builds, and equals its published source except for listed differences."""

import ast
import inspect
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, TRANSFORMS
from torch import nn

from mmresnet.config.find import config_folder, find_config, recipe_paths
from mmresnet.config.load import load_config
from mmresnet.models.backbones import ResNet

CONFIGS = config_folder()
RECIPES = recipe_paths()
DETECTORS = ("rcnn", "rpn")  # and localizers: test_configs_coco.py, test_configs_localization.py
CLASSIFIERS = [
    path for name, path in RECIPES.items() if not any(part in name for part in DETECTORS)
]
PUBLISHED = [path for path in RECIPES.values() if path.parent.name in ("configs", "cifar")]


def by_stem(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


def test_names_are_unique():
    files = [p for p in CONFIGS.rglob("*.py") if "_base_" not in p.parts]
    assert len(files) == len(RECIPES)


@by_stem(RECIPES.values())
def test_parses_with_mmengine_alone(path):
    assert Config.fromfile(path).model.type


@by_stem(PUBLISHED)
def test_docstring_gives_command_source_and_number(path):
    text = ast.get_docstring(ast.parse(path.read_text()))
    assert f"{path.relative_to(CONFIGS.parent).as_posix()}" in text
    assert re.search(r"[Ss]ource|paper", text)
    assert "% top-1" in text or "No number is published" in text or "Fig. 6" in text


@by_stem(PUBLISHED)
def test_name_gives_the_batch_size(path):
    cfg = load_config(path)
    devices, batch = map(int, re.search(r"_(\d+)xb(\d+)", path.stem).groups())
    assert cfg.train_dataloader.batch_size == cfg.batch_size == batch
    assert cfg.auto_scale_lr.base_batch_size == devices * batch
    assert cfg.model.head.num_classes == cfg.data_preprocessor.num_classes == cfg.num_classes


@by_stem(CLASSIFIERS)
def test_model_builds_and_gives_one_score_per_class(path, mmpretrain_scope):
    cfg = load_config(path)
    size = 32 if "cifar" in path.stem else 64
    with torch.device("meta"):  # shapes without computing, even for ResNet-1202
        model = MODELS.build({**cfg.model, "data_preprocessor": cfg.data_preprocessor}).eval()
    images = torch.empty(2, len(cfg.data_preprocessor.mean), size, size, device="meta")
    scores = model.head(model.extract_feat(images))
    assert scores.shape == (2, cfg.model.head.num_classes)


@by_stem(CLASSIFIERS)
def test_pipelines_and_optimizer_build(path, mmpretrain_scope):
    cfg = load_config(path)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        for transform in loader.dataset.pipeline:
            TRANSFORMS.build(transform)
    wrapper = dict(cfg.optim_wrapper)
    wrapper.pop("type", None)
    # layer-wise rates need the model; otherwise any module will do
    by_layer = "constructor" in wrapper
    net = MODELS.build({**cfg.model, "_scope_": "mmpretrain"}) if by_layer else nn.BatchNorm2d(2)
    rates = {group["lr"] for group in build_optim_wrapper(net, wrapper).optimizer.param_groups}
    assert max(rates) == cfg.optim_wrapper.optimizer.lr
    assert len(rates) == (11 if by_layer else 1)


# --- recipes against mmpretrain's -----------------------------------------------------------

SOURCES = {
    name: "resnet50_8xb32-fp16_in1k" if name == "resnet50_8xb32-amp_in1k" else name
    for name in (path.stem for path in PUBLISHED)
    if not re.match(
        r"plain|resnet50_8xb128-tv|.*_1xb128_cifar10|.*-ffcv|.*-onecycle|.*-paper_|.*-shortcut-"
        r"|.*xb32-(goyal|lars|lamb)-",
        name,
    )
}
# path: (theirs, ours); None where it is absent
COMMON = {
    "randomness.seed": (None, 0),
    "default_hooks.checkpoint.max_keep_ckpts": (None, 3),
    "default_hooks.checkpoint.save_best": (None, "auto"),
}
SOFT_HEAD = {"model.head.type": ("MultiLabelLinearClsHead", "LinearClsHead")}
SOFT_TOP5 = {**SOFT_HEAD, "model.head.topk": (None, (1, 5))}
DIFFERENCES = {
    "resnet50_8xb32-amp_in1k": {"optim_wrapper.loss_scale": (512.0, None)},
    "resnet50_8xb32-mixup_in1k": SOFT_TOP5,
    "resnet50_8xb32-cutmix_in1k": {
        **SOFT_TOP5,
        "model.train_cfg.augments.type": ("BatchCutMix", "CutMix"),
        "model.train_cfg.augments.num_classes": (1000, None),
        "model.train_cfg.augments.prob": (1.0, None),
    },
    "resnet50_8xb16-mixup_cifar10": SOFT_HEAD,
}
VARIABLES = (
    *("data_root", "num_classes", "batch_size", "num_workers", "train_pipeline", "test_pipeline"),
    *("dataset_type", "bgr_mean", "bgr_std", "vis_backends", "on_bad_sample"),
)
# what mmpretrain's tools/train.py sets in every data loader
LOADER = {
    "persistent_workers": True,
    "pin_memory": True,
    "collate_fn": {"type": "default_collate"},
}


def normalised(cfg):
    """Return the settings of a config, in one notation for both projects."""
    plain = {key: value for key, value in cfg.to_dict().items() if key not in VARIABLES}
    defaults = inspect.signature(ResNet.__init__).parameters
    for key in ("num_stages", "out_indices", "style"):
        value = plain["model"]["backbone"].pop(key, None)
        # ResNet takes None for the last stage
        assert value in (None, defaults[key].default, (3,)), (key, value)
    for name in ("train_dataloader", "val_dataloader", "test_dataloader"):
        plain[name] = {**LOADER, **plain[name]}
        data = plain[name]["dataset"]
        data["data_root"] = data["data_root"].rstrip("/")
        assert data.pop("on_bad_sample", "stop") == "stop"  # as theirs do
        if name != "train_dataloader":
            data.pop("test_mode", None)  # theirs leave it out, which matters for bad images only
        if data["type"] == "ImageNet":  # the same folders and labels, for any classes
            data.update(type="CustomDataset", data_prefix=data.pop("split"))
    return plain


@pytest.mark.parametrize("name", SOURCES)
def test_equals_mmpretrain(name, differences):
    ours = normalised(load_config(name))
    theirs = normalised(load_config(f"mmpretrain::resnet/{SOURCES[name]}.py"))
    assert differences(theirs, ours) == {**COMMON, **DIFFERENCES.get(name, {})}


def test_every_comparable_recipe_of_mmpretrain_is_compared():
    assert len(SOURCES) == 5 + 3 + 3 + 3 + 4 + 5 + 2  # plain stem, V1c, V1d, RSB, variants, CIFAR


def test_plain_nets_differ_only_in_the_shortcuts(differences):
    plain = [path.stem for path in PUBLISHED if path.stem.startswith("plain")]
    assert len(plain) == 2 + 5
    for name in plain:
        residual = load_config(name.replace("plain", "resnet"))
        found = differences(residual.to_dict(), load_config(name).to_dict())
        assert found.keys() == {"model.backbone.type"}


def test_bases_hold_no_model():
    """But for the paper's detector, which is the same on VOC, COCO and DET."""
    for path in (CONFIGS / "_base_").rglob("*.py"):
        assert ("model" in Config.fromfile(path)) == (path.parent.name == "models")


def test_found_by_package_name():
    assert find_config("mmresnet::resnet50_8xb32_in1k.py") == RECIPES["resnet50_8xb32_in1k"]
    assert Path(load_config("resnet50_8xb32_in1k").filename) == RECIPES["resnet50_8xb32_in1k"]
