"""A training of a small net by a Runner with the hooks given."""

import re

import pytest
import torch
from mmengine.config import Config
from number_net import Net, Numbers

from mmresnet.engine.runner import Runner


@pytest.fixture
def run(tmp_path, request):
    """``run(hook, dataset, **settings)`` trains for an epoch and returns the Runner."""
    number = iter(range(100))

    def train(hook=None, dataset=None, model=None, **settings):
        torch.manual_seed(0)
        if isinstance(hook, dict):
            hook = {"type": "mmresnet.NonFiniteHook", **hook}
        loader = {
            "batch_size": 2,
            "num_workers": 0,
            "dataset": dataset or Numbers(),
            "sampler": {"type": "DefaultSampler", "shuffle": False},
            "collate_fn": {"type": "pseudo_collate"},
        }
        name = re.sub(r"\W", "_", f"{request.node.name}{next(number)}")
        train.runner = Runner(
            **{
                "model": model or Net(),
                "work_dir": str(tmp_path),
                "train_dataloader": loader,
                "train_cfg": {"by_epoch": True, "max_epochs": 1},
                "optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.01, "momentum": 0.9}},
                "custom_hooks": [hook] if hook else [],
                "default_hooks": {"logger": {"type": "LoggerHook", "interval": 1}},
                "experiment_name": name,
                "cfg": Config({"work_dir": str(tmp_path)}),
                **settings,
            }
        )
        train.runner.train()
        return train.runner

    return train
