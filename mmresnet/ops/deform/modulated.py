"""Modulated deformable convolution (Zhu et al. 2018, DCNv2) on torchvision's kernels.

Agrees with ``mmcv/ops/csrc/pytorch/modulated_deform_conv.cpp``, whose kernels do not check the
size of offsets and masks: of each image's numbers they read the first, as if these had the height
and width of the output. With stride 2, mmdet's DyHead gives those of the input.
"""

import math

from torch import Tensor
from torch.nn import functional as F

from mmresnet.ops.deform.kernel import Geometry, convolve, gradients


def modulated_deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,
    kernel_h: int,
    kernel_w: int,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    group: int,
    deformable_group: int,
    with_bias: bool,
) -> None:
    """Write the convolution into ``output``.

    Args:
        input: (N, C, H, W).
        weight: (out, C / group, kernel_h, kernel_w).
        bias: (out,), or empty where ``with_bias`` is False.
        offset: (N, deformable_group * kernel_h * kernel_w * 2, out H, out W), in pixels, y
            before x. If it is larger, the first numbers of each image are read in this shape.
        mask: (N, deformable_group * kernel_h * kernel_w, out H, out W), factors of the samples;
            likewise.
        output: (N, out, out H, out W).
        ones, columns: mmcv's buffers; torchvision has its own.
        kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w: As named.
        group: Groups of the convolution.
        deformable_group: Groups of input channels with offsets and masks of their own.
        with_bias: Whether to add the bias.
    """
    geometry = Geometry(
        (stride_h, stride_w), (pad_h, pad_w), (dilation_h, dilation_w), group, deformable_group
    )
    read = _read(offset, mask, deformable_group * kernel_h * kernel_w, output)
    output.copy_(convolve(input, weight, *read, bias if with_bias else None, geometry))


def modulated_deform_conv_backward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    columns: Tensor,
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    kernel_h: int,
    kernel_w: int,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    group: int,
    deformable_group: int,
    with_bias: bool,
) -> None:
    """Write the gradients of all five; see :func:`modulated_deform_conv_forward`.

    That of numbers which the forward pass does not read is 0.
    """
    geometry = Geometry(
        (stride_h, stride_w), (pad_h, pad_w), (dilation_h, dilation_w), group, deformable_group
    )
    read = _read(offset, mask, deformable_group * kernel_h * kernel_w, grad_output)
    found = gradients(grad_output, input, weight, *read, geometry)
    grad_input.copy_(found.input)
    grad_weight.copy_(found.weight)
    for target, gradient in ((grad_offset, found.offset), (grad_mask, found.mask)):
        flat = gradient.flatten(1)
        unread = target.shape[1:].numel() - flat.shape[1]
        target.copy_(F.pad(flat, (0, unread)).view(target.shape))
    if with_bias:
        grad_bias.copy_(found.bias)


def _read(offset: Tensor, mask: Tensor, samples: int, output: Tensor) -> tuple[Tensor, Tensor]:
    """Return what is read of offset and mask, in the height and width of ``output``."""

    def first(tensor: Tensor, channels: int) -> Tensor:
        shape = (channels, *output.shape[2:])
        if tensor.shape[1:] == shape or tensor.shape[1:].numel() < math.prod(shape):
            return tensor
        return tensor.flatten(1)[:, : math.prod(shape)].view(len(tensor), *shape)

    return first(offset, 2 * samples), first(mask, samples)
