"""The computations of one rank in mmcv's SyncBatchNorm (``MMSyncBN``), which reduces over ranks.

Agrees with ``mmcv/ops/csrc/common/cuda/sync_bn_cuda_kernel.cuh``. Maps are (N, C, pixels), the
statistics (C,) in float32. ``SyncBN`` is torch's layer and does not need these.
"""

from torch import Tensor


def sync_bn_forward_mean(input: Tensor, mean: Tensor) -> None:
    """Write the mean of each channel."""
    mean.copy_(input.float().mean((0, 2)))


def sync_bn_forward_var(input: Tensor, mean: Tensor, var: Tensor) -> None:
    """Write the mean squared distance of each channel from ``mean``, that of all ranks."""
    var.copy_((input.float() - mean[:, None]).square().mean((0, 2)))


def sync_bn_forward_output(
    input: Tensor,
    mean: Tensor,
    var: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    norm: Tensor,
    std: Tensor,
    output: Tensor,
    eps: float,
    momentum: float | Tensor,
    group_size: int,
) -> None:
    """Write the normalized maps before (``norm``) and after (``output``) weight and bias.

    Args:
        input: (N, C, pixels).
        mean: Of all ranks, (C,).
        var: Likewise, the biased variance.
        weight: (C,), or None.
        bias: (C,), or None.
        running_mean: Updated with ``mean`` and ``momentum``; None if statistics are not tracked.
        running_var: Updated likewise with the unbiased variance.
        norm: (N, C, pixels) in float32, kept for the backward pass.
        std: (C,), receives the standard deviation.
        output: (N, C, pixels).
        eps: Added to the variance.
        momentum: 0 to 1.
        group_size: Number of ranks.
    """
    std.copy_((var + eps).sqrt())
    norm.copy_((input.float() - mean[:, None]) / std[:, None])
    scaled = norm if weight is None or bias is None else norm * weight[:, None] + bias[:, None]
    output.copy_(scaled)
    if running_mean is not None and running_var is not None:
        count = input.shape[0] * input.shape[2] * group_size
        unbiased = var * count / (count - 1) if count > 1 else var
        running_mean.copy_(momentum * mean + (1 - momentum) * running_mean)
        running_var.copy_(momentum * unbiased + (1 - momentum) * running_var)


def sync_bn_backward_param(
    grad_output: Tensor, norm: Tensor, grad_weight: Tensor, grad_bias: Tensor
) -> None:
    """Write the gradients of weight and bias on this rank, (C,)."""
    gradient = grad_output.float()
    grad_weight.copy_((gradient * norm).sum((0, 2)))
    grad_bias.copy_(gradient.sum((0, 2)))


def sync_bn_backward_data(
    grad_output: Tensor,
    weight: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    norm: Tensor,
    std: Tensor,
    grad_input: Tensor,
) -> None:
    """Write the gradient of the maps; those of weight and bias are the mean over the ranks."""
    count = grad_output.shape[0] * grad_output.shape[2]
    shared = (grad_weight[:, None] * norm + grad_bias[:, None]) / count
    scale = (weight / std)[:, None]
    grad_input.copy_(scale * (grad_output.float() - shared))
