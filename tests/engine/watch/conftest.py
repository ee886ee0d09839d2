"""A training of a small net by a Runner with the hooks given."""

import re

import pytest
import torch
from mmengine.config import Config
from number_net import Net, Numbers

from mmresnet.engine.runner import Runner


def number_run(folder, name, hooks=(), dataset=None, model=None, **settings):
    """Return a Runner that trains for an epoch."""
    torch.manual_seed(0)
    loader = {
        "batch_size": 2,
        "num_workers": 0,
        "dataset": dataset or Numbers(),
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": {"type": "pseudo_collate"},
    }
    return Runner(
        **{
            "model": model or Net(),
            "work_dir": str(folder),
            "train_dataloader": loader,
            "train_cfg": {"by_epoch": True, "max_epochs": 1},
            "optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.01, "momentum": 0.9}},
            "custom_hooks": list(hooks),
            "default_hooks": {"logger": {"type": "LoggerHook", "interval": 1}},
            "experiment_name": name,
            "cfg": Config({"work_dir": str(folder)}),
            **settings,
        }
    )


@pytest.fixture
def run(tmp_path, request):
    """``run(hook, dataset, **settings)`` trains for an epoch and returns the Runner."""
    number = iter(range(100))

    def train(hook=None, dataset=None, model=None, **settings):
        if isinstance(hook, dict):
            hook = {"type": "mmresnet.NonFiniteHook", **hook}
        name = re.sub(r"\W", "_", f"{request.node.name}{next(number)}")
        hooks = [hook] if hook else []
        train.runner = number_run(tmp_path, name, hooks, dataset, model, **settings)
        train.runner.train()
        return train.runner

    return train
