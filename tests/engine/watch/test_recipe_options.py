"""PreciseBN, weight averaging, gradient accumulation and clipping, as options of a recipe."""

import itertools

import pytest
import torch
from small_classifier import SMALL
from torch import nn

from mmresnet.apis import train

pytest.importorskip("mmpretrain")
RECIPE = "resnet50_8xb32_in1k"
_numbers = itertools.count()


@pytest.fixture
def run(tiny_images, tmp_path):
    """``run(**options)`` trains a small net for an epoch of three iterations."""

    def start(options):
        small = {
            **SMALL,
            "data_root": str(tiny_images),
            "precision": "float32",
            "batch_size": 4,
            "train_cfg.max_epochs": 1,
            "train_cfg.val_interval": 10,
            "optim_wrapper.optimizer.momentum": 0.0,
            "optim_wrapper.optimizer.weight_decay": 0.0,
            "experiment_name": f"options{next(_numbers)}",
        }
        return train(RECIPE, str(tmp_path), cfg_options={**small, **options}, device="cpu")

    return start


def test_precise_batchnorm(run):
    """The statistics are the means over the batches with the final weights."""
    hook = {"type": "mmpretrain.PreciseBNHook", "num_samples": 12, "priority": "ABOVE_NORMAL"}
    plain = {"train_dataloader.dataset.pipeline.1": {"type": "Resize", "scale": (32, 32)}}
    plain |= {"train_dataloader.dataset.pipeline.2.prob": 0.0}
    runner = run({"custom_hooks": [hook], **plain})
    model = runner.model
    layer = model.backbone.bn1
    found = layer.running_mean.clone(), layer.running_var.clone()
    inputs = []
    layer.register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
    with torch.no_grad():
        images = [runner.train_dataloader.dataset[index]["inputs"] for index in range(12)]
        model.eval()
        model(**model.data_preprocessor({"inputs": images}, False))
    # its batches were others, so that the mean over all images agrees and the variances do nearly
    torch.testing.assert_close(found[0], inputs[0].mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[1], inputs[0].var((0, 2, 3)), rtol=0.1, atol=1e-3)
    assert layer.momentum == nn.BatchNorm2d(1).momentum


def test_weight_averaging(run):
    hook = {"type": "EMAHook", "momentum": 0.5, "priority": "ABOVE_NORMAL"}
    runner = run({"custom_hooks": [hook], "optim_wrapper.optimizer.lr": 0.1})
    (ema,) = [one for one in runner.hooks if type(one).__name__ == "EMAHook"]
    averaged = dict(ema.ema_model.module.named_parameters())
    assert int(ema.ema_model.steps) == 3
    assert not torch.equal(averaged["head.fc.weight"], runner.model.head.fc.weight)


def test_gradients_of_several_batches_make_one_step(run):
    """Without BatchNorm in training, three batches of four are one of twelve."""
    same = {
        "train_dataloader.sampler.shuffle": False,
        "train_dataloader.dataset.pipeline.1": {"type": "Resize", "scale": (32, 32)},
        "train_dataloader.dataset.pipeline.2.prob": 0.0,
        "model.backbone.norm_eval": True,
        "optim_wrapper.optimizer.lr": 0.1,
        "param_scheduler": [],
    }
    accumulated = run({**same, "optim_wrapper.accumulative_counts": 3}).model.state_dict()
    whole = run({**same, "batch_size": 12}).model.state_dict()
    for name, value in whole.items():
        torch.testing.assert_close(accumulated[name], value, rtol=1e-4, atol=1e-6)


def test_clipping(run):
    """The largest change of the weights is lr x max_norm."""
    options = {"optim_wrapper.clip_grad.max_norm": 0.01, "optim_wrapper.optimizer.lr": 1.0}
    runner = run({**options, "batch_size": 12, "default_hooks.logger.interval": 1})
    (norm,) = runner.message_hub.get_scalar("train/grad_norm").data[0]
    assert norm > 0.01  # before it is clipped
    gradients = [p.grad for p in runner.model.parameters() if p.grad is not None]
    assert gradients == []
