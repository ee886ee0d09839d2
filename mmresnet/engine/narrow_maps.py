"""Right gradients of convolutions on maps that are narrower than their stride.

oneDNN's gradient of the weights in bfloat16 leaves the columns of the kernel that see nothing but
padding as they were in memory, so that it may be anything, if the map is narrower than the stride:
as that of the last stage of a ResNet is, for images of at most 16 pixels. Seen with torch 2.6 to
2.14, with and without AMX; in float32 and float16 it is right.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import nn


def pad_narrow_maps(model: nn.Module) -> None:
    """Widen such maps by columns of zeros, which changes no output: they see padding anyway."""
    for module in model.modules():
        if type(module) is nn.Conv2d and _may_be_wider(module):
            module.register_forward_pre_hook(_pad)


def _may_be_wider(conv: nn.Conv2d) -> bool:
    """Return whether zeros up to the stride add no output, as with the padding of ResNets."""
    width, stride, padding = conv.kernel_size[1], conv.stride[1], conv.padding
    return (
        stride > 1
        and conv.dilation[1] == 1
        and conv.padding_mode == "zeros"
        and isinstance(padding, tuple)
        and width == 2 * int(padding[1]) + 1 > 1
    )


def _pad(conv: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
    missing = conv.stride[1] - inputs[0].shape[-1]
    return (F.pad(inputs[0], (0, missing)), *inputs[1:]) if missing > 0 else None
