"""Every recipe parses, builds, and equals its published source but for the listed differences."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import HOOKS, MODELS, PARAM_SCHEDULERS, TRANSFORMS, DefaultScope
from PIL import Image
from torch import nn

from mmresnet.config.find import config_folder, find_config, recipe_paths
from mmresnet.config.load import load_config
from mmresnet.models.backbones import ResNet

CONFIGS = config_folder()
RECIPES = recipe_paths()
CLASSIFIERS = [path for name, path in RECIPES.items() if "rcnn" not in name]  # test_configs_coco.py
PUBLISHED = [path for path in RECIPES.values() if path.parent.name in ("configs", "cifar")]


@pytest.fixture
def mmpretrain_scope():
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        yield


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
def test_name_tells_the_batch(path):
    cfg = load_config(path)
    devices, batch = map(int, re.search(r"_(\d+)xb(\d+)", path.stem).groups())
    assert cfg.train_dataloader.batch_size == cfg.batch_size == batch
    assert cfg.auto_scale_lr.base_batch_size == devices * batch
    assert cfg.model.head.num_classes == cfg.data_preprocessor.num_classes == cfg.num_classes


@by_stem(CLASSIFIERS)
def test_model_builds_and_gives_one_score_per_class(path, mmpretrain_scope):
    cfg = load_config(path)
    size = 32 if "cifar" in path.stem else 64
    model = MODELS.build({**cfg.model, "data_preprocessor": cfg.data_preprocessor}).eval()
    model = model.to("meta")  # shapes without computing: ResNet-1202 too
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
    # rates by layer want a net that knows its layers; for the others any module will do
    by_layer = "constructor" in wrapper
    net = MODELS.build({**cfg.model, "_scope_": "mmpretrain"}) if by_layer else nn.BatchNorm2d(2)
    rates = {group["lr"] for group in build_optim_wrapper(net, wrapper).optimizer.param_groups}
    assert max(rates) == cfg.optim_wrapper.optimizer.lr
    assert len(rates) == (11 if by_layer else 1)


# --- recipes against mmpretrain's -----------------------------------------------------------

SOURCES = {
    name: "resnet50_8xb32-fp16_in1k" if name == "resnet50_8xb32-amp_in1k" else name
    for name in (path.stem for path in PUBLISHED)
    if not re.match(r"plain|resnet50_8xb128-tv|.*_1xb128_cifar10", name)
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
    *("dataset_type", "bgr_mean", "bgr_std", "vis_backends"),
)
# what mmpretrain's tools/train.py gives every data loader
LOADER = {
    "persistent_workers": True,
    "pin_memory": True,
    "collate_fn": {"type": "default_collate"},
}


def normalised(cfg):
    """Return ``{dotted path: value}`` of a config, in one notation for both projects."""
    plain = {key: value for key, value in cfg.to_dict().items() if key not in VARIABLES}
    defaults = inspect.signature(ResNet.__init__).parameters
    for key in ("num_stages", "out_indices", "style"):
        value = plain["model"]["backbone"].pop(key, None)
        # None is ResNet's own way to say "the last stage"
        assert value in (None, defaults[key].default, (3,)), (key, value)
    for name in ("train_dataloader", "val_dataloader", "test_dataloader"):
        plain[name] = {**LOADER, **plain[name]}
        data = plain[name]["dataset"]
        data["data_root"] = data["data_root"].rstrip("/")
        if data["type"] == "ImageNet":  # the same folders and labels, for any classes
            data.update(type="CustomDataset", data_prefix=data.pop("split"))
    flat = {}

    def walk(value, path):
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                walk(inner, f"{path}.{key}" if path else key)
        elif isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value):
            for index, inner in enumerate(value):
                walk(inner, f"{path}.{index}")
        else:
            value = value.removeprefix("mmresnet.") if isinstance(value, str) else value
            flat[path] = tuple(value) if isinstance(value, list) else value

    walk(plain, "")
    return {path: value for path, value in flat.items() if value is not None}


@pytest.mark.parametrize("name", SOURCES)
def test_equals_mmpretrain(name):
    ours = normalised(load_config(name))
    theirs = normalised(load_config(f"mmpretrain::resnet/{SOURCES[name]}.py"))
    found = {
        path: (theirs.get(path), ours.get(path))
        for path in ours.keys() | theirs.keys()
        if theirs.get(path) != ours.get(path)
    }
    assert found == {**COMMON, **DIFFERENCES.get(name, {})}


def test_every_comparable_recipe_of_mmpretrain_is_compared():
    assert len(SOURCES) == 5 + 3 + 3 + 3 + 4 + 5 + 2  # plain stem, V1c, V1d, RSB, variants, CIFAR


def test_plain_nets_differ_by_the_shortcuts_alone():
    plain = [path.stem for path in PUBLISHED if path.stem.startswith("plain")]
    assert len(plain) == 2 + 4
    for name in plain:
        a = normalised(load_config(name))
        b = normalised(load_config(name.replace("plain", "resnet")))
        different = {path for path in a.keys() | b.keys() if a.get(path) != b.get(path)}
        assert different == {"model.backbone.type"}


# --- learning rates step by step ------------------------------------------------------------


def learning_rates(cfg, steps):
    """Return the rate of each of ``steps`` epochs or iterations, whichever the schedule counts."""
    lr = cfg.optim_wrapper.optimizer.lr
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    written = cfg.param_scheduler
    written = written if isinstance(written, list) else [written]
    schedulers = [
        PARAM_SCHEDULERS.build(dict(s), default_args={"optimizer": optimizer}) for s in written
    ]
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return np.array(rates)


@pytest.mark.parametrize("depth, warm", [(20, 0), (56, 0), (110, 400), (1202, 400)])
def test_paper_schedule(depth, warm):
    """He et al. 2015, Sec. 4.2."""
    cfg = load_config(f"resnet{depth}_1xb128_cifar10")
    expected = np.full(64_000, 0.1)
    expected[:warm] = 0.01
    expected[32_000:48_000] = 0.01
    expected[48_000:] = 0.001
    assert cfg.train_cfg.max_iters == 64_000
    np.testing.assert_allclose(learning_rates(cfg, 64_000), expected, rtol=1e-9)
    sgd = {"type": "SGD", "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4}
    assert cfg.optim_wrapper.optimizer == sgd


def test_100_epochs():
    expected = np.repeat([0.1, 0.01, 0.001, 0.0001], [30, 30, 30, 10])
    rates = learning_rates(load_config("resnet50_8xb32_in1k"), 100)
    np.testing.assert_allclose(rates, expected, rtol=1e-9)


TV = "resnet50_8xb128-tv-v2-600e_in1k"


def test_torchvision_schedule():
    """torchvision steps once an epoch: LinearLR for 5, then CosineAnnealingLR for 595."""
    from torch.optim import lr_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    theirs = lr_scheduler.SequentialLR(
        optimizer,
        [
            lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=5),
            lr_scheduler.CosineAnnealingLR(optimizer, T_max=595),
        ],
        milestones=[5],
    )
    expected = []
    for _ in range(600):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    np.testing.assert_allclose(learning_rates(load_config(TV), 600), expected, atol=1e-12)


def test_torchvision_average(mmpretrain_scope):
    """torchvision averages each 32nd step from epoch 5 on, with its decay scaled by the batch."""
    cfg = load_config(TV)
    (written,) = cfg.custom_hooks
    hook = HOOKS.build(dict(written))
    adjust = 8 * 128 * 32 / 600
    assert written.momentum == pytest.approx((1 - 0.99998) * adjust)
    assert written.interval == 32 and written.update_buffers

    class Epoch:
        iter = 0

    started = []
    for Epoch.epoch in range(7):
        started.append(hook._ema_started(Epoch))
    assert started == [False] * 5 + [True] * 2


def test_torchvision_decays_no_norm_layer(mmpretrain_scope):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    groups = build_optim_wrapper(model, dict(load_config(TV).optim_wrapper)).optimizer.param_groups
    decays = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert [decays[id(p)] for p in model.parameters()] == [2e-5, 2e-5, 0.0, 0.0]


@pytest.fixture
def picture(tmp_path):
    y, x = np.mgrid[:260, :310]
    pixels = np.stack([x % 256, y % 256, (x * y // 97) % 256], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.jpg", quality=92)
    return tmp_path / "picture.jpg"


@pytest.mark.parametrize("train", [True, False], ids=["train", "test"])
def test_torchvision_preprocessing(train, picture, mmpretrain_scope):
    """The pipeline and the data preprocessor give what torchvision's reference transforms give."""
    from mmcv.transforms import Compose
    from torchvision import transforms as T

    cfg = load_config(TV)
    ours = Compose(
        [TRANSFORMS.build(t) for t in (cfg.train_pipeline if train else cfg.test_pipeline)]
    )
    preprocess = MODELS.build({"type": "ClsDataPreprocessor", **cfg.data_preprocessor})
    first = (
        [
            T.RandomResizedCrop(176),
            T.RandomHorizontalFlip(0.5),
            T.TrivialAugmentWide(interpolation=T.InterpolationMode.BILINEAR),
        ]
        if train
        else [T.Resize(232), T.CenterCrop(224)]
    )
    normalise = [
        T.PILToTensor(),
        T.ConvertImageDtype(torch.float),
        T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
    theirs = T.Compose([*first, *normalise, *([T.RandomErasing(p=0.1)] if train else [])])
    erased = 0
    for seed in range(40 if train else 1):
        torch.manual_seed(seed)
        packed = ours({"img_path": str(picture), "gt_label": 0})
        mine = preprocess({"inputs": [packed["inputs"]]})["inputs"][0]
        torch.manual_seed(seed)
        other = theirs(Image.open(picture).convert("RGB"))
        erased += int((other == 0).sum() > 300)
        torch.testing.assert_close(mine, other, atol=0.01, rtol=0)  # the erased colour is rounded
    assert not train or erased


def test_paper_preprocessing_pads_with_what_becomes_zero():
    cfg = load_config("resnet20_1xb128_cifar10")
    crop = cfg.train_dataloader.dataset.pipeline[0]
    assert (crop.crop_size, crop.padding) == (32, 4)
    centred = (np.array(crop.pad_val) - cfg.data_preprocessor.mean) / cfg.data_preprocessor.std
    assert np.abs(centred).max() < 0.01


def test_bases_hold_no_model():
    for path in (CONFIGS / "_base_").rglob("*.py"):
        assert "model" not in Config.fromfile(path)


def test_found_by_package_name():
    assert find_config("mmresnet::resnet50_8xb32_in1k.py") == RECIPES["resnet50_8xb32_in1k"]
    assert Path(load_config("resnet50_8xb32_in1k").filename) == RECIPES["resnet50_8xb32_in1k"]
