"""The memory format in which convolutions are fastest on CPUs and on tensor cores."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmresnet.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Convert the model's weights to channels-last order, which activations then follow.

    Only strides change, not shapes, names or checkpoints. Numbers may differ in the last bits,
    because other kernels sum in another order.
    """

    def before_run(self, runner: Runner) -> None:
        runner.model.to(memory_format=torch.channels_last)
