"""Sigmoid and softmax focal loss, through ``mmcv.ops``."""

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn import functional as F

import mmresnet.ops

mmresnet.ops.install()
from mmcv.ops import (  # noqa: E402  needs the operators
    SigmoidFocalLoss,
    SoftmaxFocalLoss,
    sigmoid_focal_loss,
    softmax_focal_loss,
)

TYPES = [torch.float32, torch.float64]
TARGET = torch.tensor([0, 2, 1, 3, -1, 2])  # 3 and -1 are background for three classes


def logits(dtype: torch.dtype = torch.float64, classes: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return (3 * torch.randn(len(TARGET), classes, generator=generator)).to(dtype).requires_grad_()


def reference_sigmoid(x: Tensor, target: Tensor, gamma: float, alpha: float) -> Tensor:
    """The paper's Eq. 5 on binary labels, differentiated by PyTorch."""
    label = torch.stack([target == c for c in range(x.shape[1])], 1).to(x)
    p_t = torch.where(label > 0, x.sigmoid(), 1 - x.sigmoid())
    share = alpha * label + (1 - alpha) * (1 - label)
    cross_entropy = F.binary_cross_entropy_with_logits(x, label, reduction="none")
    return share * (1 - p_t) ** gamma * cross_entropy


def reference_softmax(x: Tensor, target: Tensor, gamma: float, alpha: float) -> Tensor:
    cross_entropy = F.cross_entropy(x, target, reduction="none", ignore_index=-1)
    return alpha * (1 - (-cross_entropy).exp()) ** gamma * cross_entropy


def test_sigmoid_by_hand() -> None:
    """A logit of 0 is a probability of 1/2: the loss is alpha × 1/4 × log 2."""
    x = torch.zeros(1, 2, requires_grad=True)
    loss = sigmoid_focal_loss(x, torch.tensor([1]), 2.0, 0.25, None, "none")
    assert loss.tolist()[0] == pytest.approx([0.75 * 0.25 * math.log(2), 0.25**2 * math.log(2)])
    loss.sum().backward()
    # positive: -alpha q² (q - 2 p log p), at p = q = 1/2; negative: the mirror image
    slope = 0.25 * (0.5 + math.log(2))
    assert x.grad.tolist()[0] == pytest.approx([0.75 * slope, -0.25 * slope])


def test_softmax_by_hand() -> None:
    """Two equal logits are probabilities of 1/2."""
    x = torch.zeros(1, 2, requires_grad=True)
    loss = softmax_focal_loss(x, torch.tensor([1]), 2.0, 0.25, None, "sum")
    assert loss.item() == pytest.approx(0.25 * 0.25 * math.log(2))
    loss.backward()
    slope = 0.25 * (0.25 + 2 * 0.5 * 0.5 * math.log(2)) * 0.5
    assert x.grad.tolist()[0] == pytest.approx([slope, -slope])


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_sigmoid_agrees_with_a_reference(dtype: torch.dtype, gamma: float) -> None:
    """A background sample is negative for each class."""
    ours, theirs = logits(dtype), logits(dtype)
    loss = sigmoid_focal_loss(ours, TARGET, gamma, 0.3, None, "none")
    expected = reference_sigmoid(theirs, TARGET, gamma, 0.3)
    torch.testing.assert_close(loss, expected)
    loss.sum().backward()
    expected.sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_softmax_agrees_with_a_reference(dtype: torch.dtype, gamma: float) -> None:
    """Negative targets are ignored."""
    ours, theirs = logits(dtype, classes=4), logits(dtype, classes=4)
    loss = softmax_focal_loss(ours, TARGET, gamma, 0.3, None, "none")
    expected = reference_softmax(theirs, TARGET, gamma, 0.3)
    torch.testing.assert_close(loss, expected)
    assert loss[4] == 0
    softmax_focal_loss(ours, TARGET, gamma, 0.3, None, "sum").backward()
    expected.sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert not ours.grad[4].any()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradcheck(weighted: bool, reduction: str) -> None:
    weight = torch.tensor([0.5, 2.0, 3.0, 1.5], dtype=torch.float64) if weighted else None
    for function in (sigmoid_focal_loss, softmax_focal_loss):
        assert gradcheck(
            lambda x, function=function: function(x, TARGET, 2.0, 0.25, weight, reduction),
            (logits(classes=4),),
        )
    assert gradcheck(
        lambda x: sigmoid_focal_loss(x, TARGET, 1.5, 0.25, None, "none"), (logits(classes=4),)
    )


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_class_weights(dtype: torch.dtype) -> None:
    weight = torch.tensor([0.5, 2.0, 3.0], dtype=dtype)
    factors = torch.tensor([0.5, 3, 2, 1, 1, 3], dtype=dtype)  # background: 1
    alone = sigmoid_focal_loss(logits(dtype), TARGET, 2.0, 0.25, None, "none")
    weighted = sigmoid_focal_loss(logits(dtype), TARGET, 2.0, 0.25, weight, "none")
    torch.testing.assert_close(weighted, alone * factors[:, None])
    target = TARGET.clamp(max=2)
    alone = softmax_focal_loss(logits(dtype), target, 2.0, 0.25, None, "none")
    weighted = softmax_focal_loss(logits(dtype), target, 2.0, 0.25, weight, "none")
    torch.testing.assert_close(weighted[[0, 1, 2, 5]], (alone * factors)[[0, 1, 2, 5]])
    assert weighted[4] == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize(
    ("module", "reference"),
    [(SigmoidFocalLoss, reference_sigmoid), (SoftmaxFocalLoss, reference_softmax)],
)
def test_16_bit_inputs_give_16_bit_outputs(
    module: type, reference: object, dtype: torch.dtype
) -> None:
    x = logits(dtype, classes=4)
    with torch.autocast("cpu", dtype):
        loss = module(2.0, 0.25, reduction="sum")(x, TARGET)
    loss.backward()
    assert loss.dtype == x.grad.dtype == dtype
    wide = x.detach().float().requires_grad_()
    expected = reference(wide, TARGET, 2.0, 0.25).sum()
    expected.backward()
    torch.testing.assert_close(loss.float(), expected, rtol=0.02, atol=0.02)
    torch.testing.assert_close(x.grad.float(), wide.grad, rtol=0.05, atol=0.02)


def test_large_logits_stay_finite_and_exact() -> None:
    x = torch.tensor([[-60.0, 60.0, 200.0]], requires_grad=True)
    loss = sigmoid_focal_loss(x, torch.tensor([0]), 2.0, 0.25, None, "none")
    assert loss.tolist()[0] == pytest.approx([0.25 * 60, 0.75 * 60, 0.75 * 200])
    loss.sum().backward()
    assert x.grad.tolist()[0] == pytest.approx([-0.25, 0.75, 0.75])


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_a_probability_of_1_has_neither_loss_nor_gradient(gamma: float) -> None:
    x = torch.tensor([[200.0, 0.0]], requires_grad=True)
    loss = softmax_focal_loss(x, torch.tensor([0]), gamma, 0.25, None, "sum")
    loss.backward()
    assert loss == 0
    assert not x.grad.any()


@pytest.mark.parametrize("function", [sigmoid_focal_loss, softmax_focal_loss])
def test_empty_input(function: object) -> None:
    x = torch.zeros(0, 3, requires_grad=True)
    loss = function(x, torch.zeros(0, dtype=torch.long), 2.0, 0.25, None, "sum")
    loss.backward()
    assert loss == 0
    assert x.grad.shape == (0, 3)


def test_a_target_out_of_range_is_reported() -> None:
    with pytest.raises(ValueError, match="Target 4 of the focal loss must be at most 3"):
        sigmoid_focal_loss(torch.zeros(1, 3), torch.tensor([4]), 2.0, 0.25, None, "sum")
    with pytest.raises(ValueError, match="Target 3 of the focal loss must be at most 2"):
        softmax_focal_loss(torch.zeros(1, 3), torch.tensor([3]), 2.0, 0.25, None, "sum")


@pytest.mark.parametrize("function", [sigmoid_focal_loss, softmax_focal_loss])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_does_not_wait_for_the_device(function: object, weighted: bool) -> None:
    """A meta tensor has no numbers, so that reading one, for which a GPU would wait, fails."""
    x = torch.empty(6, 3, device="meta", requires_grad=True)
    target = torch.empty(6, dtype=torch.long, device="meta")
    weight = torch.empty(3, device="meta") if weighted else None
    function(x, target, 2.0, 0.25, weight, "mean").backward()
    assert x.grad.shape == x.shape
