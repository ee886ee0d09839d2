"""torchvision's deformable convolution, which computes both of mmcv's."""

from typing import NamedTuple

import torch
import torchvision  # noqa: F401  registers torch.ops.torchvision
from torch import Tensor

from mmresnet.ops.precision import working_type


class Geometry(NamedTuple):
    """Geometry of the convolution; pairs are (y, x)."""

    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    offset_groups: int

    def arguments(self) -> tuple[int, ...]:
        """Return the numbers in the order of torchvision's operators."""
        return (*self.stride, *self.padding, *self.dilation, self.groups, self.offset_groups)


class Gradients(NamedTuple):
    """Gradients of the five inputs, in the order of torchvision's operator."""

    input: Tensor
    weight: Tensor
    offset: Tensor
    mask: Tensor
    bias: Tensor


def convolve(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    geometry: Geometry,
) -> Tensor:
    """Return the convolution, (N, out, out H, out W), in float32 or float64."""
    dtype = working_type(input, offset)
    tensors = _complete(dtype, input, weight, offset, mask, bias)
    return torch.ops.torchvision.deform_conv2d(*tensors, *geometry.arguments(), mask is not None)


def gradients(
    grad_output: Tensor,
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    geometry: Geometry,
) -> Gradients:
    """Return the gradients, in float32 or float64; ignore that of a mask that is not given."""
    dtype = working_type(input, offset)
    tensors = _complete(dtype, input, weight, offset, mask, None)
    if grad_output.numel() == 0:
        return Gradients(*(torch.zeros_like(tensor) for tensor in tensors))
    # mmcv's backward may run under autocast, which would compute products in the kernel in 16 bits
    with torch.autocast(input.device.type, enabled=False):
        found = Gradients(
            *torch.ops.torchvision._deform_conv2d_backward(
                grad_output.to(dtype), *tensors, *geometry.arguments(), mask is not None
            )
        )
    found.offset[_outside(tensors[2], input.shape[2:], weight.shape[2:], geometry)] = 0
    return found


def _complete(
    dtype: torch.dtype,
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
) -> tuple[Tensor, ...]:
    """Return the five tensors that the operators take, in their order and of one dtype."""
    if mask is None:
        mask = input.new_zeros(len(input), 1)
    if bias is None:
        bias = input.new_zeros(len(weight))
    return tuple(tensor.to(dtype) for tensor in (input, weight, offset, mask, bias))


def _outside(offset: Tensor, size: torch.Size, kernel: torch.Size, geometry: Geometry) -> Tensor:
    """Return which offsets belong to samples one pixel or more outside the map.

    At exactly one pixel outside, a sample is zero and has two one-sided derivatives: torchvision
    returns that towards the map, mmcv returns zero. In a new layer, whose offsets are zero, the
    padding puts all samples of the border there.
    """
    count, _, *out = offset.shape
    taps = offset.view(count, geometry.offset_groups, *kernel, 2, *out)
    outside = torch.zeros(taps.shape[:4] + taps.shape[5:], dtype=torch.bool, device=offset.device)
    for axis in (0, 1):
        pixel = torch.arange(out[axis], device=offset.device) * geometry.stride[axis]
        tap = torch.arange(kernel[axis], device=offset.device) * geometry.dilation[axis]
        shape = [1] * 6
        shape[2 + axis], shape[4 + axis] = len(tap), len(pixel)
        start = (tap[:, None] + pixel - geometry.padding[axis]).view(shape)
        position = start + taps[:, :, :, :, axis]
        outside |= (position <= -1) | (position >= size[axis])
    return outside[:, :, :, :, None].expand_as(taps).reshape(offset.shape)
