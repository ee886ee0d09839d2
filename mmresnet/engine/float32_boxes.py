"""Boxes and scores of a detector in float32 under mixed precision."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn
from torch.utils.hooks import RemovableHandle

from mmresnet.registry import HOOKS


@HOOKS.register_module()
class Float32BoxesHook(Hook):
    """Keep boxes and scores in float32 while the model computes in 16 bits."""

    def __init__(self) -> None:
        self._handles: list[RemovableHandle] = []

    def before_run(self, runner: Runner) -> None:
        """Register the hooks."""
        self.after_run(runner)
        self._handles = keep_boxes_in_float32(runner.model)

    def after_run(self, runner: Runner) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles = []


def keep_boxes_in_float32(model: nn.Module) -> list[RemovableHandle]:
    """Convert inputs of RoI extractors and outputs of heads; return the handles of the hooks.

    bfloat16 has 128 numbers between 1/2 and 1, and as many between 256 and 512. So many scores
    become equal, and their order is lost, by which proposals are kept and detections evaluated; and
    boxes move by a pixel or two, since mmdet's extractors round them to the dtype of the feature
    maps. The matrix products in between are less sensitive. A head is a module with mmdet's
    ``predict_by_feat``, an extractor one with ``roi_layers``. Without autocast nothing changes.
    """
    handles = []
    for module in model.modules():
        if hasattr(module, "predict_by_feat"):
            handles.append(module.register_forward_hook(lambda _, inputs, output: widened(output)))
        if hasattr(module, "roi_layers"):
            handles.append(module.register_forward_pre_hook(lambda _, inputs: widened(inputs)))
    return handles


def widened(part: Any) -> Any:
    """Return 16-bit tensors, also inside tuples and lists, as float32."""
    if isinstance(part, torch.Tensor):
        return part.float() if part.dtype in (torch.bfloat16, torch.float16) else part
    if isinstance(part, (tuple, list)) and not hasattr(part, "_fields"):
        return type(part)(widened(inner) for inner in part)
    return part
