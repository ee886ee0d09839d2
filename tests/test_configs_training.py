"""Schedules, weight averaging and preprocessing of recipes agree with the paper and torchvision."""

import ast
import functools

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import HOOKS, MODELS, PARAM_SCHEDULERS, TRANSFORMS
from PIL import Image

from mmresnet.config.load import load_config

TORCHVISION = "resnet50_8xb128-tv-v2-600e_in1k"


def learning_rates(cfg, steps):
    """Return the rate at each of ``steps`` epochs or iterations, whichever the schedule counts."""
    written = cfg.param_scheduler
    written = written if isinstance(written, list) else [written]
    return rates_of(cfg.optim_wrapper.optimizer.lr, repr(written), steps)


@functools.cache  # recipes share schedules
def rates_of(lr, schedules, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    written = ast.literal_eval(schedules)
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


def test_schedule_of_100_epochs():
    expected = np.repeat([0.1, 0.01, 0.001, 0.0001], [30, 30, 30, 10])
    rates = learning_rates(load_config("resnet50_8xb32_in1k"), 100)
    np.testing.assert_allclose(rates, expected, rtol=1e-9)


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
    np.testing.assert_allclose(learning_rates(load_config(TORCHVISION), 600), expected, atol=1e-12)


def iteration_rates(cfg, epoch_length):
    """Return the rate at each iteration of schedules that are converted from epochs."""
    optimizer = torch.optim.SGD(
        [torch.nn.Parameter(torch.zeros(1))], lr=cfg.optim_wrapper.optimizer.lr
    )
    schedulers = []
    for written in cfg.param_scheduler:
        settings = dict(written)
        assert settings.pop("convert_to_iter_based")
        kind = PARAM_SCHEDULERS.get(settings.pop("type"))
        settings.update(optimizer=optimizer, epoch_length=epoch_length)
        schedulers.append(kind.build_iter_from_epoch(**settings))
    rates = []
    for _ in range(cfg.train_cfg.max_epochs * epoch_length):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return np.array(rates)


@pytest.mark.parametrize(
    "name, peak, first, rate",
    [
        ("resnet50_8xb512-ffcv-16e_in1k", 2, 1e-4, 1.7),
        ("resnet50_8xb512-ffcv-40e_in1k", 2, 1e-4, 1.7),
        ("resnet50_8xb512-ffcv-88e_in1k", 2, 1e-4, 1.7),
        ("resnet18_1xb512-onecycle_cifar10", 3, 0.05, 0.4),
        ("resnet8x4_1xb256-onecycle_cifar10", 3, 0.05, 0.2),
    ],
)
def test_linear_up_and_down(name, peak, first, rate):
    """FFCV's get_cyclic_lr and Page's PiecewiseLinear, to the difference of one iteration."""
    cfg, length = load_config(name), 50
    epochs = cfg.train_cfg.max_epochs
    times = np.arange(epochs * length) / length
    expected = np.interp(times, [0, peak, epochs], [first * rate, rate, 0])
    rates = iteration_rates(cfg, length)
    np.testing.assert_allclose(rates, expected, atol=1.01 * rate / peak / length)
    assert rates.max() == pytest.approx(rate)
    assert rates[-1] == pytest.approx(0)


@pytest.mark.parametrize(
    "name, points",
    [
        # He et al.'s steps, after five epochs from 0.1: Goyal et al. 2017, Sec. 2.2 and 5.1
        (
            "resnet50_256xb32-goyal-90e_in1k",
            {0: 0.1, 2.5: 1.65, 5: 3.2, 29.9: 3.2, 30: 0.32, 60: 0.032, 80: 0.0032},
        ),
        # power 2 from epoch 16 on: a quarter is left in the middle
        ("resnet50_1024xb32-lars-58e_in1k", {0: 0.0, 8: 10.6, 16: 21.2, 37: 5.3, 58: 1e-4}),
        ("resnet50_1024xb32-lamb-90e_in1k", {0: 0.0, 10: 0.02, 20: 0.04, 55: 0.02, 90: 0}),
    ],
)
def test_large_batch_schedules(name, points):
    cfg, length = load_config(name), 40
    rates = iteration_rates(cfg, length)
    steepest = np.abs(np.diff(rates[: 4 * length])).max() + 1e-6
    for epoch, expected in points.items():
        step = min(round(epoch * length), len(rates) - 1)
        assert rates[step] == pytest.approx(expected, abs=1.01 * steepest), epoch


@pytest.mark.parametrize(
    "name, of_norms, of_biases",
    [
        ("resnet50_256xb32-goyal-90e_in1k", 0.0, 1e-4),
        ("resnet50_1024xb32-lars-58e_in1k", 0.0, 0.0),
        ("resnet50_1024xb32-lamb-90e_in1k", 0.0, 1.5),
    ],
)
def test_large_batches_leave_norm_layers_out(name, of_norms, of_biases, mmpretrain_scope):
    """In every kind of layer of the real net; LARS scales no rate of a norm layer or a bias."""
    cfg = load_config(name)
    model = MODELS.build({**cfg.model, "data_preprocessor": cfg.data_preprocessor})
    groups = build_optim_wrapper(model, dict(cfg.optim_wrapper)).optimizer.param_groups
    settings = {id(p): group for group in groups for p in group["params"]}
    decay = cfg.optim_wrapper.optimizer.weight_decay
    for layer_name, layer in model.named_modules():
        for parameter_name, parameter in layer.named_parameters(recurse=False):
            norm = isinstance(layer, torch.nn.BatchNorm2d)
            expected = of_norms if norm else of_biases if parameter_name == "bias" else decay
            group = settings[id(parameter)]
            assert group["weight_decay"] == expected, (layer_name, parameter_name)
            excluded = "lars" in name and (norm or parameter_name == "bias")
            assert group.get("lars_exclude", False) == excluded, (layer_name, parameter_name)


def test_torchvision_weight_averaging(mmpretrain_scope):
    """torchvision averages every 32nd step from epoch 5 on, with its decay scaled by the batch."""
    cfg = load_config(TORCHVISION)
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


@pytest.mark.parametrize(
    "name, decay, of_biases",
    [
        (TORCHVISION, 2e-5, 2e-5),
        ("resnet50_8xb512-ffcv-16e_in1k", 1e-4, 1e-4),
        ("resnet18_1xb512-onecycle_cifar10", 5e-4, 0.0),
    ],
)
def test_weight_decay_skips_norm_layers(name, decay, of_biases, mmpretrain_scope):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    wrapper = build_optim_wrapper(model, dict(load_config(name).optim_wrapper))
    groups = wrapper.optimizer.param_groups
    decays = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert [decays[id(p)] for p in model.parameters()] == [decay, of_biases, 0.0, 0.0]


@pytest.fixture
def picture(tmp_path):
    y, x = np.mgrid[:260, :310]
    pixels = np.stack([x % 256, y % 256, (x * y // 97) % 256], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.jpg", quality=92)
    return tmp_path / "picture.jpg"


@pytest.mark.parametrize("train", [True, False], ids=["train", "test"])
def test_torchvision_preprocessing(train, picture, mmpretrain_scope):
    """Pipeline and data preprocessor give the same as torchvision's reference transforms."""
    from mmcv.transforms import Compose
    from torchvision import transforms as T

    cfg = load_config(TORCHVISION)
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


def test_paper_preprocessing_pads_with_the_mean():
    cfg = load_config("resnet20_1xb128_cifar10")
    crop = cfg.train_dataloader.dataset.pipeline[0]
    assert (crop.crop_size, crop.padding) == (32, 4)
    centred = (np.array(crop.pad_val) - cfg.data_preprocessor.mean) / cfg.data_preprocessor.std
    assert np.abs(centred).max() < 0.01
