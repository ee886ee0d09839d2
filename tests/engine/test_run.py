"""What training prepares before mmengine's Runner takes over."""

import pytest
from mmengine.config import Config

from mmresnet.engine.run import test as run_test
from mmresnet.engine.run import train
from mmresnet.errors import UserError


def test_scaling_needs_the_batch_size_that_the_rate_was_chosen_for():
    with pytest.raises(UserError, match=r"auto_scale_lr\.base_batch_size"):
        train(Config({"auto_scale_lr": {"base_batch_size": None}}), auto_scale_lr=True)


def test_a_checkpoint_that_does_not_exist_is_refused_first():
    with pytest.raises(UserError, match=r"no checkpoint at 'nothing\.pth'"):
        run_test("no_such_config", "nothing.pth")
