"""Focal loss (Lin et al. 2017), agreeing with ``mmcv/ops/csrc/common/cuda/*focal_loss*``.

Targets are class indices. For the sigmoid, a target of -1 or C is background: the sample is
negative for every class. For the softmax, a negative target is ignored. For these targets mmcv's
kernels read the class weight out of bounds; here it is 1.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmresnet.errors import UserValueError
from mmresnet.ops.precision import working_type


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Write the loss of each logit into ``output``.

    mmcv's kernel takes the logarithm of a rounded probability, so that its loss jumps to 87 at a
    logit of 17, where the probability rounds to 1; here the logarithm is exact.

    Args:
        input: Logits, (N, C).
        target: (N,), at most C.
        weight: Of the classes, (C,), or empty.
        output: (N, C).
        gamma: Focusing parameter: the larger, the less easy samples count.
        alpha: Weight of positive samples; that of negative ones is ``1 - alpha``.

    Raises:
        ValueError: On the CPU: a target is larger than C.
    """
    if output.numel() == 0:
        return
    _check(target, input.shape[1])
    x, positive, weights = _sigmoid_parts(input, target, weight)
    p = x.sigmoid()
    if_positive = alpha * (-x).sigmoid() ** gamma * F.logsigmoid(x)
    if_negative = (1 - alpha) * p**gamma * F.logsigmoid(-x)
    output.copy_(-torch.where(positive, if_positive, if_negative) * weights)


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Write the gradient of the logits; see :func:`sigmoid_focal_loss_forward`."""
    if grad_input.numel() == 0:
        return
    x, positive, weights = _sigmoid_parts(input, target, weight)
    p, q = x.sigmoid(), (-x).sigmoid()
    if_positive = alpha * q**gamma * (q - gamma * p * F.logsigmoid(x))
    if_negative = (1 - alpha) * p**gamma * (gamma * q * F.logsigmoid(-x) - p)
    grad_input.copy_(-torch.where(positive, if_positive, if_negative) * weights)


def softmax_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Write the loss of each sample into ``output``.

    Args:
        input: Probabilities, the softmax of the logits, (N, C).
        target: (N,), less than C.
        weight: Of the classes, (C,), or empty.
        output: (N,).
        gamma: Focusing parameter: the larger, the less easy samples count.
        alpha: Factor on the loss.

    Raises:
        ValueError: On the CPU: a target is C or larger. (On a GPU, CUDA's assertion fails.)
    """
    if output.numel() == 0:
        return
    _check(target, input.shape[1] - 1)
    _, p, weights = _softmax_parts(input, target, weight)
    output.copy_(-alpha * (1 - p) ** gamma * _log(p) * weights)


def softmax_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    buff: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Write the gradient of the logits into ``grad_input``, (N, C).

    ``buff``, (N,), receives the derivative with respect to the target's logit over ``1 - p``; for
    the other arguments see :func:`softmax_focal_loss_forward`.
    """
    if grad_input.numel() == 0:
        return
    probabilities, p, weights = _softmax_parts(input, target, weight)
    # clamped, since for gamma < 1 the negative exponent would turn 0 into infinity
    slope = gamma * _positive(1 - p) ** (gamma - 1) * p * _log(p) - (1 - p) ** gamma
    scale = alpha * slope * weights
    classes = torch.arange(input.shape[1], device=input.device)
    one_hot = (target[:, None] == classes).to(probabilities)
    buff.copy_(scale)
    grad_input.copy_(scale[:, None] * (one_hot - probabilities))


def _sigmoid_parts(input: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the logits in the working type, which are positive, and the weights, (N, 1)."""
    x = input.to(working_type(input))
    positive = target[:, None] == torch.arange(input.shape[1], device=input.device)
    return x, positive, _weights(target, weight, x)[:, None]


def _softmax_parts(input: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return all probabilities in the working type, the targets', and the weights, (N,)."""
    probabilities = input.to(working_type(input))
    p = probabilities.gather(1, target.clamp(min=0)[:, None])[:, 0]
    return probabilities, p, _weights(target, weight, probabilities) * (target >= 0)


def _weights(target: Tensor, weight: Tensor, like: Tensor) -> Tensor:
    if weight.numel() == 0:
        return like.new_ones(len(target))
    inside = (target >= 0) & (target < len(weight))
    return torch.where(inside, weight.to(like)[target.clamp(0, len(weight) - 1)], 1)


def _check(target: Tensor, largest: int) -> None:
    """Check the targets on the CPU; on a GPU a check would synchronize."""
    if target.device.type == "cpu" and (found := int(target.max())) > largest:
        raise UserValueError(f"Target {found} of the focal loss must be at most {largest}.")


def _positive(p: Tensor) -> Tensor:
    return p.clamp(min=torch.finfo(torch.float32).tiny)


def _log(p: Tensor) -> Tensor:
    return _positive(p).log()
