"""What training prepares before mmengine's Runner takes over."""

import pytest
from mmengine.config import Config

from mmresnet.engine.run import describe_learning_rate, train
from mmresnet.engine.run import test as run_test
from mmresnet.errors import UserError


def config(enable=False, base=256, accumulative=1):
    return Config(
        {
            "optim_wrapper": {"optimizer": {"lr": 0.1}, "accumulative_counts": accumulative},
            "train_dataloader": {"batch_size": 32},
            "auto_scale_lr": {"base_batch_size": base, "enable": enable},
        }
    )


@pytest.mark.parametrize(
    ("cfg", "said"),
    [
        (
            config(enable=True),
            "lr scaled: 0.1 x 64 / 256 = 0.025; this run has 2x32 = 64 images per step.",
        ),
        (
            config(),
            "lr 0.1 as in the config, for 256 images per step; this run has 2x32 = 64: with "
            "--auto-scale-lr it would be 0.1 x 64 / 256 = 0.025.",
        ),
        (
            config(base=64),
            "lr 0.1 as in the config, chosen for 2x32 = 64 images per step.",
        ),
        (
            config(base=None, accumulative=4),
            "lr 0.1 as in the config; this run has 2x32x4 (accumulated) = 256 images per step.",
        ),
    ],
)
def test_the_learning_rate_is_explained(cfg, said):
    assert describe_learning_rate(cfg, world_size=2) == said


def test_scaling_needs_the_batch_size_that_the_rate_was_chosen_for():
    with pytest.raises(UserError, match=r"auto_scale_lr\.base_batch_size"):
        train(config(base=None), auto_scale_lr=True)


def test_a_checkpoint_that_does_not_exist_is_refused_first():
    with pytest.raises(UserError, match=r"no checkpoint at 'nothing\.pth'"):
        run_test("no_such_config", "nothing.pth")
