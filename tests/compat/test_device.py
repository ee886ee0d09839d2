"""A run uses the device that it is told to: upstream has no setting for it."""

import torch
from mmengine.config import Config
from mmengine.device import get_device, utils
from mmengine.runner import Runner

from mmresnet.compat import DEVICE


class Moved(torch.nn.Module):
    def to(self, device):
        self.device = device
        return self


def place(**settings) -> str:
    """Return the device that a Runner moves a model to."""
    runner = type("R", (), {"distributed": False, "cfg": Config(settings)})()
    runner.logger = type("L", (), {"info": print})()
    return Runner.wrap_model(runner, None, Moved()).device


def test_upstream_takes_the_first_that_it_finds(monkeypatch):
    assert DEVICE.needed()
    monkeypatch.setattr(utils, "DEVICE", "cuda")
    assert place(device="cpu") == "cuda", "upstream has a setting; remove the patch"


def test_inside_it_is_another(monkeypatch):
    monkeypatch.setattr(utils, "DEVICE", "cuda")
    with DEVICE.apply("cpu"):
        assert place() == get_device() == "cpu"
    assert get_device() == "cuda"
