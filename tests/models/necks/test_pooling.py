"""Pooling necks: values computed by hand, and bit-identical to mmpretrain's."""

import pytest
import torch
from mmpretrain.models import necks as upstream

from mmresnet.models.necks import GeneralizedMeanPooling, GlobalAveragePooling
from mmresnet.registry import MODELS


def test_average_by_hand():
    feat = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[-1.0, 1.0], [0.0, 4.0]]]])
    assert GlobalAveragePooling()(feat).tolist() == [[3.0, 1.0]]


def test_generalised_mean_by_hand():
    # p = 2: the root of the mean of squares; (1 + 1 + 1 + 25) / 4 = 7, (0 + 0 + 0 + 16) / 4 = 4.
    feat = torch.tensor([[[[1.0, 1.0], [1.0, 5.0]], [[0.0, 0.0], [-3.0, 4.0]]]])
    pooled = GeneralizedMeanPooling(p=2.0)(feat)
    torch.testing.assert_close(pooled, torch.tensor([[7.0**0.5, 2.0]]))


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 3])
def test_average_equals_upstream(dim, batch):
    torch.manual_seed(0)
    shape = (5, 4, 3)[:dim]
    feats = tuple(torch.randn(batch, channels, *shape) for channels in (4, 8))
    ours, theirs = GlobalAveragePooling(dim), upstream.GlobalAveragePooling(dim)
    for mine, other in zip(ours(feats), theirs(feats), strict=True):
        assert torch.equal(mine, other)
    assert torch.equal(ours(feats[0]), theirs(feats[0]))


@pytest.mark.parametrize(
    "options",
    [{}, {"p": 1.0}, {"p": 4.5, "eps": 1e-3}, {"p": 2.0, "clamp": False}, {"p_trainable": False}],
    ids=str,
)
def test_generalised_mean_equals_upstream_with_gradients(options):
    torch.manual_seed(0)
    feat = torch.randn(2, 6, 5, 7)
    if not options.get("clamp", True):
        feat = feat.relu() + 0.01  # the exponent's gradient is NaN below 0, and NaN equals nothing
    ours, theirs = GeneralizedMeanPooling(**options), upstream.GeneralizedMeanPooling(**options)
    theirs.load_state_dict(ours.state_dict())  # strict: the same keys
    results = []
    for neck in (ours, theirs):
        leaf = feat.clone().requires_grad_()
        (out,) = neck((leaf,))
        out.square().sum().backward()
        results.append((out.detach(), leaf.grad, neck.p.grad))
    (out, grad, grad_p), (other, other_grad, other_grad_p) = results
    assert torch.equal(out, other)
    assert torch.equal(grad, other_grad)
    if options.get("p_trainable", True):
        assert torch.equal(grad_p, other_grad_p)
    else:
        assert grad_p is None and other_grad_p is None


def test_average_accepts_channels_last():
    feat = torch.randn(2, 4, 3, 3)
    pooled = GlobalAveragePooling()(feat.to(memory_format=torch.channels_last))
    torch.testing.assert_close(pooled, feat.mean((2, 3)))


def test_registered_under_our_scope():
    assert isinstance(MODELS.build({"type": "mmresnet.GlobalAveragePooling"}), GlobalAveragePooling)
    gem = MODELS.build({"type": "mmresnet.GeneralizedMeanPooling"})
    assert isinstance(gem, GeneralizedMeanPooling)


def test_error_messages():
    with pytest.raises(ValueError, match=r"dim=4, but pools over 1, 2 or 3"):
        GlobalAveragePooling(dim=4)
    with pytest.raises(ValueError, match=r"p=0\.5, but p must be at least 1"):
        GeneralizedMeanPooling(p=0.5)
    with pytest.raises(ValueError, match=r"4 dimensions .* got the shape \(8, 3, 3\)"):
        GlobalAveragePooling()(torch.zeros(8, 3, 3))
    with pytest.raises(TypeError, match="tuple of tensors, but got dict"):
        GeneralizedMeanPooling()({"feat": torch.zeros(1, 8, 3, 3)})
