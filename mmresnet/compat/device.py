"""The device that mmengine puts models on."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager


def is_not_configurable() -> bool:
    from mmengine.runner import Runner

    return "model.to(get_device())" in inspect.getsource(Runner.wrap_model)


@contextmanager
def mmengine_uses(device: str) -> Iterator[None]:
    """Let mmengine use this device inside, "cpu" or "cuda", and not the first that it finds."""
    from mmengine.device import utils

    before = utils.DEVICE
    utils.DEVICE = device
    try:
        yield
    finally:
        utils.DEVICE = before
