"""The memory format in which convolutions are fastest on CPUs and on tensor cores."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmresnet.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Keep the model's weights in channels-last order; activations follow from the first layer on.

    Shapes, names and checkpoints are unchanged, since only strides differ. Numbers may differ in
    the last bits, since other kernels add in another order.
    """

    def before_run(self, runner: Runner) -> None:
        runner.model.to(memory_format=torch.channels_last)
