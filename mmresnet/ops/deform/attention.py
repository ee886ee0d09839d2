"""Multi-scale deformable attention (Zhu et al. 2020), as mmcv computes it in PyTorch.

On the CPU mmcv calls its PyTorch function itself; on other devices it calls these operators.
"""

import torch
from torch import Tensor

from mmresnet.ops.precision import working_type


def ms_deform_attn_forward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    im2col_step: int,
) -> Tensor:
    """Return the attended values, (N, queries, heads * channels), in the dtype of ``value``.

    Args:
        value: (N, keys, heads, channels); the keys are the pixels of all levels, one after another.
        value_spatial_shapes: Height and width of each level, (levels, 2).
        value_level_start_index: Not needed: given by the shapes.
        sampling_locations: (N, queries, heads, levels, points, 2), x before y, 0 to 1.
        attention_weights: (N, queries, heads, levels, points).
        im2col_step: Images per step of mmcv's kernel; PyTorch takes all at once.
    """
    dtype = working_type(value, sampling_locations)
    tensors = (value, sampling_locations, attention_weights)
    return _attend(value_spatial_shapes, *(tensor.to(dtype) for tensor in tensors)).to(value.dtype)


def ms_deform_attn_backward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_sampling_loc: Tensor,
    grad_attn_weight: Tensor,
    im2col_step: int,
) -> None:
    """Write the three gradients; for the rest see :func:`ms_deform_attn_forward`."""
    dtype = working_type(value, sampling_locations)
    tensors = (value, sampling_locations, attention_weights)
    with torch.enable_grad():
        leaves = [tensor.detach().to(dtype).requires_grad_() for tensor in tensors]
        output = _attend(value_spatial_shapes, *leaves)
        found = torch.autograd.grad(output, leaves, grad_output.to(dtype))
    for target, gradient in zip(
        (grad_value, grad_sampling_loc, grad_attn_weight), found, strict=True
    ):
        target.copy_(gradient)


def _attend(shapes: Tensor, value: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    return multi_scale_deformable_attn_pytorch(value, shapes.tolist(), locations, weights)
