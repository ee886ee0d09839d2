"""Modulated deformable convolution (Zhu et al. 2018, DCNv2) on torchvision's kernels.

Agrees with ``mmcv/ops/csrc/pytorch/modulated_deform_conv.cpp``.
"""

from torch import Tensor

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
            before x.
        mask: (N, deformable_group * kernel_h * kernel_w, out H, out W), factors of the samples.
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
    output.copy_(convolve(input, weight, offset, mask, bias if with_bias else None, geometry))


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
    """Write the gradients of all five; see :func:`modulated_deform_conv_forward`."""
    geometry = Geometry(
        (stride_h, stride_w), (pad_h, pad_w), (dilation_h, dilation_w), group, deformable_group
    )
    found = gradients(grad_output, input, weight, offset, mask, geometry)
    grad_input.copy_(found.input)
    grad_weight.copy_(found.weight)
    grad_offset.copy_(found.offset)
    grad_mask.copy_(found.mask)
    if with_bias:
        grad_bias.copy_(found.bias)
