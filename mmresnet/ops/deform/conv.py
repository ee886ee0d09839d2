"""Deformable convolution (Dai et al. 2017) on torchvision's kernels.

Agrees with ``mmcv/ops/csrc/pytorch/deform_conv.cpp``. Both order the offsets by group, tap, and y
before x, and read zeros from one pixel beyond the border on.
"""

import weakref

from torch import Tensor

from mmresnet.ops.deform.kernel import Geometry, convolve, gradients


def deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    output: Tensor,
    columns: Tensor,
    ones: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    im2col_step: int,
) -> None:
    """Write the convolution into ``output``.

    Args:
        input: (N, C, H, W).
        weight: (out, C / group, kH, kW).
        offset: (N, deformable_group * kH * kW * 2, out H, out W), in pixels, y before x.
        output: (N, out, out H, out W).
        columns, ones: mmcv's buffers; torchvision has its own.
        kW, kH, dW, dH, padW, padH, dilationW, dilationH: Kernel, stride, padding and dilation.
        group: Groups of the convolution.
        deformable_group: Groups of input channels with offsets of their own.
        im2col_step: Images per step of mmcv's kernel; torchvision chooses its own.
    """
    geometry = Geometry((dH, dW), (padH, padW), (dilationH, dilationW), group, deformable_group)
    output.copy_(convolve(input, weight, offset, None, None, geometry))


def deform_conv_backward_input(
    input: Tensor,
    offset: Tensor,
    gradOutput: Tensor,
    gradInput: Tensor,
    gradOffset: Tensor,
    weight: Tensor,
    columns: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    im2col_step: int,
) -> None:
    """Write the gradients of the input and of the offsets; see :func:`deform_conv_forward`."""
    geometry = Geometry((dH, dW), (padH, padW), (dilationH, dilationW), group, deformable_group)
    found = gradients(gradOutput, input, weight, offset, None, geometry)
    gradInput.copy_(found.input)
    gradOffset.copy_(found.offset)
    # torchvision's kernel also computes the gradient of the weight, which mmcv asks for next
    vars(columns)["weight_gradient"] = (weakref.ref(gradOutput), found.weight)


def deform_conv_backward_parameters(
    input: Tensor,
    offset: Tensor,
    gradOutput: Tensor,
    gradWeight: Tensor,
    columns: Tensor,
    ones: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    scale: float,
    im2col_step: int,
) -> None:
    """Write ``scale`` times the gradient of the weight; see :func:`deform_conv_forward`."""
    source, found = vars(columns).pop("weight_gradient", (lambda: None, None))
    if source() is not gradOutput:  # from another backward pass
        geometry = Geometry((dH, dW), (padH, padW), (dilationH, dilationW), group, deformable_group)
        weight = gradWeight  # the gradient does not depend on its values
        found = gradients(gradOutput, input, weight, offset, None, geometry).weight
    gradWeight.copy_(scale * found)
