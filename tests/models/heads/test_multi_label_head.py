"""MultiLabelLinearClsHead alone: it equals mmpretrain's head, and its error messages."""

import math

import pytest
import torch
from mmpretrain.models import heads as upstream
from mmpretrain.structures import DataSample

from mmresnet.models.heads import MultiLabelLinearClsHead

pytestmark = pytest.mark.usefixtures("mmpretrain_scope")
N, CHANNELS, C = 6, 16, 5
LABELS = [[0, 3], [1], [], [0, 1, 2, 3, 4], [4], [2, 3]]


def feats():
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(N, CHANNELS, generator=generator) * 30,)


def samples(soft=False):
    batch = [DataSample().set_gt_label(labels) for labels in LABELS]
    if soft:
        scores = torch.rand(N, C, generator=torch.Generator().manual_seed(1))
        for sample, score in zip(batch, scores, strict=True):
            sample.set_gt_score(score)
    return batch


def pair(loss=None, **options):
    heads = []
    for head_type, prefix in (
        (MultiLabelLinearClsHead, "mmresnet."),
        (upstream.MultiLabelLinearClsHead, "mmpretrain."),
    ):
        torch.manual_seed(3)
        if loss is not None:
            options["loss"] = {**loss, "type": prefix + loss["type"]}
        head = head_type(num_classes=C, in_channels=CHANNELS, **options)
        head.init_weights()
        heads.append(head)
    return heads


def test_initial_weights_equal_upstream():
    ours, theirs = pair()
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["fc.weight", "fc.bias"]
    for name, value in ours.state_dict().items():
        assert torch.equal(value, theirs.state_dict()[name]), name


@pytest.mark.parametrize("soft", [False, True], ids=["labels", "scores"])
@pytest.mark.parametrize(
    "loss",
    [
        None,
        {"type": "CrossEntropyLoss", "use_sigmoid": True, "pos_weight": [1.0, 2.0, 3.0, 4.0, 5.0]},
        {"type": "LabelSmoothLoss", "label_smooth_val": 0.1, "mode": "multi_label"},
    ],
    ids=str,
)
def test_losses_and_gradients_equal_upstream(loss, soft):
    results = []
    for head in pair(loss):
        leaf = feats()[0].requires_grad_()
        value = head.loss((leaf,), samples(soft))["loss"]
        value.backward()
        results.append((value, leaf.grad, head.fc.weight.grad, head.fc.bias.grad))
    for mine, other in zip(*results, strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize(
    "options", [{}, {"thr": 0.7}, {"topk": 2}, {"thr": 0.2, "topk": 1}], ids=str
)
def test_predictions_equal_upstream(options):
    ours, theirs = pair(**options)
    numbers = set()
    for given in (None, samples()):
        for mine, other in zip(ours.predict(feats(), given), theirs.predict(feats()), strict=True):
            assert torch.equal(mine.pred_score, other.pred_score)
            assert torch.equal(mine.pred_label, other.pred_label)
            numbers.add(len(mine.pred_label))
    # With these inputs the rule matters: thresholds predict different numbers of classes.
    assert numbers == {2} if options == {"topk": 2} else len(numbers) > 1


def test_loss_by_hand():
    head = MultiLabelLinearClsHead(num_classes=2, in_channels=2)
    with torch.no_grad():
        head.fc.weight.copy_(torch.eye(2))
        head.fc.bias.zero_()
    # Scores 1/2 and 3/4: for the label 1 log 2 + log 4/3, for none log 2 + log 4; halved for N = 2.
    feat = torch.tensor([[0.0, math.log(3)]] * 2)
    batch = [DataSample().set_gt_label([1]), DataSample().set_gt_label([])]
    by_hand = (2 * math.log(2) + math.log(4 / 3) + math.log(4)) / 2
    assert head.loss((feat,), batch)["loss"].item() == pytest.approx(by_hand)
    assert [sample.pred_label.tolist() for sample in head.predict((feat,))] == [[0, 1], [0, 1]]


def test_predictions_are_float32_under_autocast():
    ours, _ = pair()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ours.predict(feats())[0].pred_score.dtype == torch.float32


def test_error_messages():
    with pytest.raises(ValueError, match=r"thr=50 must be in \[0, 1\]"):
        MultiLabelLinearClsHead(C, CHANNELS, thr=50)
    with pytest.raises(ValueError, match="topk=6 exceeds num_classes=5: choose 1 to 5"):
        MultiLabelLinearClsHead(C, CHANNELS, topk=6)
    with pytest.raises(ValueError, match="num_classes=0"):
        MultiLabelLinearClsHead(0, CHANNELS)
    batch = samples()
    batch[2].set_gt_label([5])
    with pytest.raises(ValueError, match="gt_label 5 of data sample 2"):
        MultiLabelLinearClsHead(C, CHANNELS).loss(feats(), batch)
