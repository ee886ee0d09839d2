"""Focal loss (Lin et al. 2017), agreeing with ``mmcv/ops/csrc/common/cuda/*focal_loss*``.

A target is a class from 0 on. For the sigmoid a target outside of the classes, -1 or C, is
background: the sample is negative for every class. For the softmax a negative target is ignored.
mmcv's kernels read a class's weight beyond the list for those; here their weight is 1.
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

    mmcv's kernel takes the logarithm of a rounded probability, which ends at 87 as soon as the
    probability rounds to 1, at a logit of 17; here the logarithm stays exact.

    Args:
        input: Logits, (N, C).
        target: (N,), at most C.
        weight: Of the classes, (C,), or empty.
        output: (N, C).
        gamma: How far easy samples are passed over.
        alpha: Share of the positive ones.

    Raises:
        ValueError: A target is larger than C.
    """
    if output.numel() == 0:
        return
    _check(target, input.shape[1])
    x, positive, weights = _sigmoid_parts(input, target, weight)
    p = x.sigmoid()
    of_positive = alpha * (-x).sigmoid() ** gamma * F.logsigmoid(x)
    of_negative = (1 - alpha) * p**gamma * F.logsigmoid(-x)
    output.copy_(-torch.where(positive, of_positive, of_negative) * weights)


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Write the derivative of each loss by its logit; see :func:`sigmoid_focal_loss_forward`."""
    if grad_input.numel() == 0:
        return
    x, positive, weights = _sigmoid_parts(input, target, weight)
    p, q = x.sigmoid(), (-x).sigmoid()
    of_positive = alpha * q**gamma * (q - gamma * p * F.logsigmoid(x))
    of_negative = (1 - alpha) * p**gamma * (gamma * q * F.logsigmoid(-x) - p)
    grad_input.copy_(-torch.where(positive, of_positive, of_negative) * weights)


def softmax_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Write the loss of each sample into ``output``.

    Args:
        input: Probabilities, the softmax of the logits, (N, C).
        target: (N,), less than C.
        weight: Of the classes, (C,), or empty.
        output: (N,).
        gamma: How far easy samples are passed over.
        alpha: Factor of the whole.

    Raises:
        ValueError: A target is C or larger.
    """
    if output.numel() == 0:
        return
    _check(target, input.shape[1] - 1)
    _, p, counted = _softmax_parts(input, target, weight)
    output.copy_(-alpha * (1 - p) ** gamma * _log(p) * counted)


def softmax_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    buff: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Write the derivative of each sample's loss by its logits into ``grad_input``, (N, C).

    ``buff``, (N,), receives the derivative by the target's logit over ``1 - p``; the rest as in
    :func:`softmax_focal_loss_forward`.
    """
    if grad_input.numel() == 0:
        return
    probabilities, p, counted = _softmax_parts(input, target, weight)
    # below 1, the exponent would turn a probability of 1 into an infinity
    slope = gamma * _positive(1 - p) ** (gamma - 1) * p * _log(p) - (1 - p) ** gamma
    scale = alpha * slope * counted
    classes = torch.arange(input.shape[1], device=input.device)
    hit = (target[:, None] == classes).to(probabilities)
    buff.copy_(scale)
    grad_input.copy_(scale[:, None] * (hit - probabilities))


def _sigmoid_parts(input: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the logits widened, which of them are positive, and the samples' weights (N, 1)."""
    x = input.to(working_type(input))
    positive = target[:, None] == torch.arange(input.shape[1], device=input.device)
    return x, positive, _weights(target, weight, x)[:, None]


def _softmax_parts(input: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the probabilities widened, those of the targets, and the samples' weights, (N,)."""
    probabilities = input.to(working_type(input))
    p = probabilities.gather(1, target.clamp(min=0)[:, None])[:, 0]
    return probabilities, p, _weights(target, weight, probabilities) * (target >= 0)


def _weights(target: Tensor, weight: Tensor, like: Tensor) -> Tensor:
    if weight.numel() == 0:
        return like.new_ones(len(target))
    inside = (target >= 0) & (target < len(weight))
    return torch.where(inside, weight.to(like)[target.clamp(0, len(weight) - 1)], 1)


def _check(target: Tensor, largest: int) -> None:
    found = int(target.max())
    if found > largest:
        raise UserValueError(
            f"A target of the focal loss is {found}, and {largest} is the largest."
        )


def _positive(p: Tensor) -> Tensor:
    return p.clamp(min=torch.finfo(torch.float32).tiny)


def _log(p: Tensor) -> Tensor:
    return _positive(p).log()
