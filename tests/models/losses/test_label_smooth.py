"""LabelSmoothLoss: values computed by hand, and bit-identical to mmpretrain's."""

import math

import pytest
import torch
from mmpretrain.models import losses as upstream

from mmresnet.models.losses import LabelSmoothLoss

N, C = 6, 4


def inputs(kind):
    generator = torch.Generator().manual_seed(0)
    score = torch.randn(N, C, generator=generator) * 3
    label = torch.randint(0, C, (N,), generator=generator)
    if kind == "labels":
        return score, label
    one_hot = torch.nn.functional.one_hot(label, C).float()
    return score, 0.3 * one_hot + 0.7 * one_hot.flip(0)


@pytest.mark.parametrize(
    ("mode", "high", "low"),
    [
        ("original", 0.925, 0.025),
        ("classy_vision", 1.025 / 1.1, 0.025 / 1.1),
        ("multi_label", 0.9, 0.1),
    ],
)
def test_targets_by_hand(mode, high, low):
    smooth = LabelSmoothLoss(0.1, mode=mode).smooth_label(torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
    torch.testing.assert_close(smooth, torch.tensor([[high, low, low, low]]))


def test_losses_by_hand():
    # softmax of (0, log 3) is (1/4, 3/4), sigmoid (1/2, 3/4); e = 0.2 turns 1 into (0.1, 0.9).
    score, label = torch.tensor([[0.0, math.log(3)]]), torch.tensor([1])
    softmax = 0.1 * math.log(4) + 0.9 * math.log(4 / 3)
    assert LabelSmoothLoss(0.2)(score, label).item() == pytest.approx(softmax)
    sigmoid = math.log(2) + 0.9 * math.log(4 / 3) + 0.1 * math.log(4)
    loss = LabelSmoothLoss(0.2, use_sigmoid=True)
    assert loss(score, label, avg_factor=1).item() == pytest.approx(sigmoid)
    # 'multi_label' uses sigmoid by default and turns label 1 into (0.2, 0.8).
    sigmoid = math.log(2) + 0.8 * math.log(4 / 3) + 0.2 * math.log(4)
    loss = LabelSmoothLoss(0.2, mode="multi_label", reduction="sum", loss_weight=3.0)
    assert loss(score, label).item() == pytest.approx(3 * sigmoid)


@pytest.mark.parametrize("avg_factor", [None, N])
@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("kind", ["labels", "soft"])
@pytest.mark.parametrize("use_sigmoid", [None, True, False])
@pytest.mark.parametrize("mode", ["original", "classy_vision", "multi_label"])
@pytest.mark.parametrize("num_classes", [None, C])
def test_equals_upstream(num_classes, mode, use_sigmoid, kind, reduction, avg_factor):
    if num_classes is None and kind == "soft" and mode == "original":
        options = {"class_weight": [0.5, 1.0, 2.0, 3.0]}
    else:
        options = {}
    options |= {
        "label_smooth_val": 0.1,
        "num_classes": num_classes,
        "use_sigmoid": use_sigmoid,
        "mode": mode,
        "reduction": reduction,
        "loss_weight": 0.7,
    }
    score, target = inputs(kind)
    results = []
    for loss in (LabelSmoothLoss(**options), upstream.LabelSmoothLoss(**options)):
        leaf = score.clone().requires_grad_()
        value = loss(leaf, target, avg_factor=avg_factor)
        value.sum().backward()
        results.append((value.detach(), leaf.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


@pytest.mark.parametrize("use_sigmoid", [True, False])
@pytest.mark.parametrize("call", [{"weight": torch.arange(N)}, {"reduction_override": "sum"}])
def test_keywords_of_a_call_equal_upstreams(call, use_sigmoid):
    score, target = inputs("labels")
    options = {"label_smooth_val": 0.1, "use_sigmoid": use_sigmoid, "loss_weight": 0.7}
    ours, theirs = LabelSmoothLoss(**options), upstream.LabelSmoothLoss(**options)
    assert torch.equal(ours(score, target, **call), theirs(score, target, **call))
    column = target[:, None]  # class indices as (N, 1)
    assert torch.equal(ours(score, column, **call), theirs(score, column, **call))
    assert (ours.reduction, ours.loss_weight) == (theirs.reduction, theirs.loss_weight)


@pytest.mark.parametrize("mode", ["original", "classy_vision", "multi_label"])
def test_smoothing_functions_equal_upstreams(mode):
    ours = LabelSmoothLoss(0.1, num_classes=C, mode=mode)
    theirs = upstream.LabelSmoothLoss(0.1, num_classes=C, mode=mode)
    _, scores = inputs("soft")
    for name in ("smooth_label", "multilabel_smooth_label", "original_smooth_label"):
        assert torch.equal(getattr(ours, name)(scores), getattr(theirs, name)(scores)), name


def test_targets_are_not_changed_in_place():
    score, target = inputs("soft")
    before = target.clone()
    LabelSmoothLoss(0.1)(score, target)
    assert torch.equal(target, before)


def test_error_messages():
    with pytest.raises(ValueError, match=r"label_smooth_val=1\.0 is not in \[0, 1\)"):
        LabelSmoothLoss(1.0)
    with pytest.raises(ValueError, match=r"label_smooth_val='0\.1' is not in"):
        LabelSmoothLoss("0.1")
    with pytest.raises(ValueError, match=r"'classy-vision'.*Did you mean 'classy_vision'"):
        LabelSmoothLoss(0.1, mode="classy-vision")
    with pytest.raises(ValueError, match="Unknown reduction 'average'"):
        LabelSmoothLoss(0.1, reduction="average")
    with pytest.raises(ValueError, match="num_classes=10, but the predictions have 4 classes"):
        LabelSmoothLoss(0.1, num_classes=10)(*inputs("labels"))
    with pytest.raises(ValueError, match=r"LabelSmoothLoss takes .* targets of shape \(5,\)"):
        LabelSmoothLoss(0.1)(torch.zeros(N, C), torch.zeros(5, dtype=torch.long))
