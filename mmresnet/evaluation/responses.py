"""Standard deviations of the responses of a net's 3×3 layers (He et al. 2015, Fig. 7)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

_NORMS = (_BatchNorm, nn.GroupNorm)


@dataclass
class _Moments:
    """Sums over all numbers that were added, in float64."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, values: Tensor) -> None:
        values = values.detach().double()
        self.count += values.numel()
        self.total += float(values.sum())
        self.squares += float(values.square().sum())

    def deviation(self) -> float:
        mean = self.total / self.count
        return math.sqrt(max(0.0, self.squares / self.count - mean**2))


class Responses:
    """Measures, while a net computes, what its 3×3 layers give.

    The response of a layer is the output of the norm layer that takes the output of a 3×3
    convolution: after BN and before the nonlinearity or the addition, so that in a ResNet it is one
    of the residual branch. Its standard deviation is that over images, channels and positions.

    It works for any net that hands a convolution's output to the norm layer as it is.

    Args:
        net: The net, whose outputs stay the same. With ``train()`` its BatchNorm would normalize
            each batch by itself, so that deviations would be those of its scales alone.
    """

    def __init__(self, net: nn.Module) -> None:
        self._net = net
        self._moments: dict[str, _Moments] = {}
        self._waiting: Tensor | None = None  # the output of the last 3×3 convolution
        self._hooks: list[Any] = []

    def __enter__(self) -> Responses:
        for name, module in self._net.named_modules():
            if isinstance(module, nn.Conv2d) and tuple(module.kernel_size) == (3, 3):
                self._hooks.append(module.register_forward_hook(self._keep))
            elif isinstance(module, _NORMS):
                self._hooks.append(module.register_forward_hook(self._measure(name)))
        return self

    def __exit__(self, *error: object) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._waiting = [], None

    def deviations(self) -> dict[str, float]:
        """Return the standard deviation of each response by its norm layer, in order of depth."""
        return {name: moments.deviation() for name, moments in self._moments.items()}

    def _keep(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        self._waiting = output

    def _measure(self, name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if inputs[0] is self._waiting:
                self._moments.setdefault(name, _Moments()).add(output)
            self._waiting = None

        return hook


def response_deviations(net: nn.Module, batches: Iterable[Tensor]) -> dict[str, float]:
    """Return the standard deviations of a net's responses over images, by the layers' names.

    Args:
        net: Any net with norm layers; it is evaluated with its running statistics.
        batches: Normalised images, (N, C, H, W) each.
    """
    was_training = net.training
    net.eval()
    try:
        with torch.inference_mode(), Responses(net) as responses:
            for images in batches:
                net(images)
        return responses.deviations()
    finally:
        net.train(was_training)
