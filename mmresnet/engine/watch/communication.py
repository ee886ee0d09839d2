"""The time that a step of data-parallel training waits for gradients to be reduced."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch

from mmresnet.engine.watch.wrappers import optim_wrappers, without_wrapper

if TYPE_CHECKING:
    from torch import Tensor, nn


class CommunicationTimer:
    """Measures from the last gradient of a backward pass to the optimizer's step.

    Gradients are reduced in buckets while the backward pass goes on; it returns when the last one
    is. The last gradient is that of the first trainable parameter. On a GPU the times are those of
    its stream, which waits for the communication.

    Args:
        model: With its wrapper, ``DistributedDataParallel``.
        optim_wrapper: A wrapper of an optimizer, or several.
    """

    def __init__(self, model: nn.Module, optim_wrapper: Any) -> None:
        self._ready: Any = None
        self._measured: list[tuple[Any, Any]] = []
        parameters = [p for p in without_wrapper(model).parameters() if p.requires_grad]
        self._on_gpu = parameters[0].is_cuda
        self._handles = [parameters[0].register_post_accumulate_grad_hook(self._last_gradient)]
        for _, wrapper in optim_wrappers(optim_wrapper):
            self._handles.append(wrapper.optimizer.register_step_pre_hook(self._before_step))

    def read(self) -> float:
        """Return the seconds since the last call; on a GPU, when its work is done."""
        seconds = 0.0
        for start, end in self._measured:
            if self._on_gpu:
                end.synchronize()
                seconds += start.elapsed_time(end) / 1e3
            else:
                seconds += end - start
        self._measured = []
        return seconds

    def close(self) -> None:
        """Measure no longer."""
        for handle in self._handles:
            handle.remove()

    def _last_gradient(self, parameter: Tensor) -> None:
        self._ready = self._now()

    def _before_step(self, *_: Any) -> None:
        if self._ready is not None:
            self._measured.append((self._ready, self._now()))
            self._ready = None

    def _now(self) -> Any:
        if not self._on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event
