"""CrossEntropyLoss: values computed by hand, and bit-identical to mmpretrain's."""

import math

import pytest
import torch
from mmpretrain.models import losses as upstream

from mmresnet.models.losses import CrossEntropyLoss

N, C = 6, 5
WEIGHTS = [0.5, 1.0, 2.0, 3.0, 0.25]


def logits():
    return torch.randn(N, C, generator=torch.Generator().manual_seed(0)) * 3


def targets(kind):
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, C, (N,), generator=generator)
    if kind == "labels":
        return labels
    one_hot = torch.nn.functional.one_hot(labels, C)
    if kind == "one-hot integers":
        return one_hot
    return 0.3 * one_hot + 0.7 * one_hot.flip(0)


def value_and_gradient(loss, target, **call):
    leaf = logits().requires_grad_()
    value = loss(leaf, target, **call)
    value.sum().backward()
    return value.detach(), leaf.grad


def test_softmax_by_hand():
    # softmax of (0, log 3) is (1/4, 3/4); the losses of the labels 1 and 0 are log 4/3 and log 4.
    score = torch.tensor([[0.0, math.log(3)], [0.0, math.log(3)]])
    label = torch.tensor([1, 0])
    mean = (math.log(4 / 3) + math.log(4)) / 2
    assert CrossEntropyLoss()(score, label).item() == pytest.approx(mean)
    assert CrossEntropyLoss(reduction="sum")(score, label).item() == pytest.approx(2 * mean)
    unreduced = CrossEntropyLoss(reduction="none")(score, label)
    assert unreduced.tolist() == pytest.approx([math.log(4 / 3), math.log(4)])


def test_soft_targets_and_class_weights_by_hand():
    score = torch.tensor([[0.0, math.log(3)]])
    target = torch.tensor([[0.4, 0.6]])
    soft = 0.4 * math.log(4) + 0.6 * math.log(4 / 3)
    assert CrossEntropyLoss(use_soft=True)(score, target).item() == pytest.approx(soft)
    # A class weight of 5 on label 1, a loss weight of 2; the mean divides by 1 sample, not by 5.
    loss = CrossEntropyLoss(class_weight=[1.0, 5.0], loss_weight=2.0)
    assert loss(score, torch.tensor([1])).item() == pytest.approx(10 * math.log(4 / 3))


def test_sigmoid_by_hand():
    # sigmoid of (0, log 3) is (1/2, 3/4); for the target (1, 0): log 2 and log 4.
    score = torch.tensor([[0.0, math.log(3)]])
    loss = CrossEntropyLoss(use_sigmoid=True)
    total = math.log(2) + math.log(4)
    assert loss(score, torch.tensor([[1.0, 0.0]])).item() == pytest.approx(total / 2)
    # With avg_factor, as the heads give it, it is the sum over classes for each sample.
    assert loss(score, torch.tensor([0]), avg_factor=1).item() == pytest.approx(total)
    weighted = CrossEntropyLoss(use_sigmoid=True, pos_weight=[3.0, 1.0], reduction="sum")
    assert weighted(score, torch.tensor([0])).item() == pytest.approx(total + 2 * math.log(2))


@pytest.mark.parametrize(
    ("reduction", "avg_factor"),  # mmpretrain refuses an avg_factor for a sum
    [("mean", None), ("mean", 4), ("sum", None), ("none", None), ("none", 4)],
)
@pytest.mark.parametrize("class_weight", [None, WEIGHTS], ids=["plain", "class_weight"])
@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, "labels"),
        ({}, "soft"),
        ({"use_soft": True}, "soft"),
        ({"use_soft": True}, "one-hot integers"),
        ({"use_sigmoid": True}, "soft"),
        ({"use_sigmoid": True}, "one-hot integers"),
        ({"use_sigmoid": True, "pos_weight": WEIGHTS[::-1]}, "soft"),
    ],
    ids=str,
)
@pytest.mark.parametrize("weight", [None, torch.arange(N)], ids=["alike", "weighted"])
def test_equals_upstream(options, kind, class_weight, reduction, avg_factor, weight):
    options = {**options, "class_weight": class_weight, "loss_weight": 0.7}
    target, call = targets(kind), {"weight": weight, "avg_factor": avg_factor}
    mine = value_and_gradient(CrossEntropyLoss(reduction=reduction, **options), target, **call)
    other = value_and_gradient(
        upstream.CrossEntropyLoss(reduction=reduction, **options), target, **call
    )
    assert torch.equal(mine[0], other[0])
    assert torch.equal(mine[1], other[1])
    overridden = CrossEntropyLoss(reduction="sum" if reduction == "mean" else "mean", **options)
    assert torch.equal(overridden(logits(), target, reduction_override=reduction, **call), mine[0])


def test_weights_of_samples_by_hand():
    score = torch.tensor([[0.0, math.log(3)], [0.0, math.log(3)]])
    label, weight = torch.tensor([1, 0]), torch.tensor([1.0, 0.5])
    total = math.log(4 / 3) + 0.5 * math.log(4)
    assert CrossEntropyLoss()(score, label, weight).item() == pytest.approx(total / 2)
    # sigmoids: the first sample has the losses log 2 and log 4/3, the second log 2 and log 4
    loss = CrossEntropyLoss(use_sigmoid=True, reduction="sum")
    total = math.log(2) + math.log(4 / 3) + 0.5 * (math.log(2) + math.log(4))
    assert loss(score, label, weight).item() == pytest.approx(total)


def test_a_sum_is_not_divided_by_avg_factor():
    loss = CrossEntropyLoss(reduction="sum")
    assert torch.equal(
        loss(logits(), targets("labels"), avg_factor=N), loss(logits(), targets("labels"))
    )


def test_weights_are_not_saved_in_checkpoints():
    assert not CrossEntropyLoss(use_sigmoid=True, class_weight=[1.0], pos_weight=[1.0]).state_dict()


def test_error_messages():
    with pytest.raises(ValueError, match=r"Unknown reduction 'maen'.*Did you mean 'mean'"):
        CrossEntropyLoss(reduction="maen")
    with pytest.raises(ValueError, match="exclude each other"):
        CrossEntropyLoss(use_sigmoid=True, use_soft=True)
    with pytest.raises(ValueError, match="pos_weight has no meaning without use_sigmoid"):
        CrossEntropyLoss(pos_weight=WEIGHTS)
    with pytest.raises(ValueError, match="has 3 entries, but the predictions have 5 classes"):
        CrossEntropyLoss(class_weight=[1.0, 2.0, 3.0])(logits(), targets("labels"))
    with pytest.raises(ValueError, match="use_soft=True takes scores"):
        CrossEntropyLoss(use_soft=True)(logits(), targets("labels"))
    with pytest.raises(ValueError, match=r"weight has the shape \(5,\), but there are 6 samples"):
        CrossEntropyLoss()(logits(), targets("labels"), torch.ones(C))
    with pytest.raises(ValueError, match="Unknown reduction 'average'"):
        CrossEntropyLoss()(logits(), targets("labels"), reduction_override="average")
    with pytest.raises(ValueError, match=r"\(6, 5\) and targets of shape \(6, 4\)"):
        CrossEntropyLoss()(logits(), torch.zeros(N, C - 1))
