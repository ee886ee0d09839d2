"""LinearClsHead alone: it equals mmpretrain's head, and its error messages."""

import math

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.evaluation.metrics import Accuracy
from mmpretrain.models import heads as upstream
from mmpretrain.models import losses as upstream_losses
from mmpretrain.structures import DataSample

from mmresnet.models.heads import LinearClsHead
from mmresnet.models.losses import CrossEntropyLoss

N, CHANNELS, C = 8, 16, 10


def feats():
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(N, channels, generator=generator) * 5 for channels in (4, CHANNELS))


def samples(labels=None):
    if labels is None:
        labels = torch.randint(0, C, (N,), generator=torch.Generator().manual_seed(1)).tolist()
    return [DataSample().set_gt_label(label) for label in labels]


def pair(loss, **options):
    """Return our head and mmpretrain's, each built from one seed and initialised."""
    heads = []
    for head_type, prefix in (
        (LinearClsHead, "mmresnet."),
        (upstream.LinearClsHead, "mmpretrain."),
    ):
        torch.manual_seed(3)
        config = {**loss, "type": prefix + loss["type"]}
        head = head_type(num_classes=C, in_channels=CHANNELS, loss=config, **options)
        head.init_weights()
        heads.append(head)
    return heads


@pytest.mark.parametrize("init_cfg", ["default", None])
def test_initial_weights_equal_upstream(init_cfg):
    options = {} if init_cfg == "default" else {"init_cfg": None}
    ours, theirs = pair({"type": "CrossEntropyLoss"}, **options)
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["fc.weight", "fc.bias"]
    for name, value in ours.state_dict().items():
        assert torch.equal(value, theirs.state_dict()[name]), name
    if init_cfg == "default":
        assert ours.fc.weight.std().item() == pytest.approx(0.01, rel=0.2)
        assert not ours.fc.bias.any()


LOSSES = [
    {"type": "CrossEntropyLoss", "loss_weight": 1.0},
    {"type": "CrossEntropyLoss", "class_weight": [0.5, 2.0] * 5},
    {"type": "LabelSmoothLoss", "label_smooth_val": 0.1, "loss_weight": 1.0},
    {"type": "LabelSmoothLoss", "label_smooth_val": 0.1, "num_classes": C, "mode": "classy_vision"},
    {"type": "LabelSmoothLoss", "label_smooth_val": 0.1, "mode": "original", "use_sigmoid": True},
]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_logits_losses_and_gradients_equal_upstream(loss):
    results = []
    for head in pair(loss):
        leaves = tuple(feat.clone().requires_grad_() for feat in feats())
        value = head.loss(leaves, samples())["loss"]
        value.backward()
        results.append(
            (head(leaves), value, leaves[-1].grad, head.fc.weight.grad, head.fc.bias.grad)
        )
    for mine, other in zip(*results, strict=True):
        assert torch.equal(mine, other)


def test_other_keywords_are_given_to_the_loss():
    ours, theirs = pair({"type": "CrossEntropyLoss"}, cal_acc=True)
    keywords = {"weight": torch.arange(N), "reduction_override": "none"}
    mine, other = (head.loss(feats(), samples(), **keywords) for head in (ours, theirs))
    assert mine["loss"].shape == (N,) and torch.equal(mine["loss"], other["loss"])


def test_predictions_equal_upstream():
    ours, theirs = pair({"type": "CrossEntropyLoss"})
    for given in (None, samples(), [None] * N):
        for mine, other in zip(ours.predict(feats(), given), theirs.predict(feats()), strict=True):
            assert isinstance(mine, DataSample)
            assert torch.equal(mine.pred_score, other.pred_score)
            assert torch.equal(mine.pred_label, other.pred_label)


def test_given_samples_are_filled_in():
    ours, _ = pair({"type": "CrossEntropyLoss"})
    given = samples()
    assert all(out is own for out, own in zip(ours.predict(feats(), given), given, strict=True))
    assert given[0].pred_score.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("loss", LOSSES[::2], ids=str)
def test_autocast_keeps_losses_and_predictions_in_float32(loss):
    ours, _ = pair(loss)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ours(feats()).dtype == torch.bfloat16
        value = ours.loss(feats(), samples())["loss"]
        predictions = ours.predict(feats())
    assert value.dtype == torch.float32
    assert predictions[0].pred_score.dtype == torch.float32
    assert predictions[0].pred_score.detach().numpy().sum() == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(value, ours.loss(feats(), samples())["loss"], rtol=1e-2, atol=0)


def test_loss_and_accuracy_by_hand():
    head = LinearClsHead(num_classes=3, in_channels=3, cal_acc=True, topk=(1, 2))
    with torch.no_grad():
        head.fc.weight.copy_(torch.eye(3))
        head.fc.bias.zero_()
    # The logits rank the labels 2, 1, 0, 0 at 1, 2, 3, 1; all logits are below 0.
    feat = torch.log(torch.tensor([[1, 2, 5], [1, 2, 5], [1, 2, 5], [6, 1, 1]]) / 8)
    losses = head.loss((feat,), samples([2, 1, 0, 0]))
    by_hand = (math.log(8 / 5) + math.log(8 / 2) + math.log(8) + math.log(8 / 6)) / 4
    assert losses["loss"].item() == pytest.approx(by_hand)
    assert losses["accuracy_top-1"].item() == 50.0
    assert losses["accuracy_top-2"].item() == 75.0


def test_accuracy_equals_upstream_without_its_threshold():
    ours, _ = pair({"type": "CrossEntropyLoss"}, cal_acc=True, topk=(1, 3, 5))
    losses = ours.loss(feats(), samples())
    labels = torch.cat([sample.gt_label for sample in samples()])
    expected = Accuracy.calculate(ours(feats()), labels, topk=(1, 3, 5), thrs=(None,))
    for k, (value,) in zip((1, 3, 5), expected, strict=True):
        assert losses[f"accuracy_top-{k}"].item() == value.item()


def test_a_loss_may_come_from_any_scope():
    config = {"type": "mmpretrain.CrossEntropyLoss"}
    head = LinearClsHead(num_classes=C, in_channels=CHANNELS, loss=config)
    assert isinstance(head.loss_module, upstream_losses.CrossEntropyLoss)
    module = CrossEntropyLoss()
    assert LinearClsHead(C, CHANNELS, loss=module).loss_module is module
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        assert type(LinearClsHead(C, CHANNELS).loss_module) is CrossEntropyLoss


def test_a_tensor_is_treated_as_a_tuple_of_one():
    ours, _ = pair({"type": "CrossEntropyLoss"})
    assert torch.equal(ours(feats()[-1]), ours(feats()))
    assert ours.pre_logits(feats()).shape == (N, CHANNELS)


def test_invalid_sizes_are_reported():
    with pytest.raises(ValueError, match="LinearClsHead: num_classes=0 must be at least 1"):
        LinearClsHead(num_classes=0, in_channels=CHANNELS)
    with pytest.raises(TypeError, match="num_classes='10' must be an integer"):
        LinearClsHead(num_classes="10", in_channels=CHANNELS)
    with pytest.raises(ValueError, match="in_channels=-1 must be at least 1"):
        LinearClsHead(num_classes=C, in_channels=-1)
    with pytest.raises(ValueError, match="exceeds num_classes=3: choose each k from 1 to 3"):
        LinearClsHead(num_classes=3, in_channels=CHANNELS, topk=(1, 5), cal_acc=True)
    assert LinearClsHead(num_classes=3, in_channels=CHANNELS, topk=5).topk == (5,)


def test_features_that_do_not_fit_are_reported():
    head = LinearClsHead(num_classes=C, in_channels=2048)
    with pytest.raises(ValueError, match="has in_channels=2048, but the features have 16 channels"):
        head(feats())
    with pytest.raises(ValueError, match=r"got \(2, 2048, 7, 7\): put a neck that pools"):
        head((torch.zeros(2, 2048, 7, 7),))


def test_features_of_another_dtype_raise_the_error_of_torch():
    with pytest.raises(RuntimeError, match="dtype"):
        LinearClsHead(C, CHANNELS)(torch.zeros(2, CHANNELS, dtype=torch.float64))


def test_accuracy_of_mixed_images_is_refused():
    head = LinearClsHead(num_classes=C, in_channels=CHANNELS, cal_acc=True)
    mixed = [sample.set_gt_score(torch.full((C,), 0.1)) for sample in samples()]
    with pytest.raises(ValueError, match="set cal_acc=False"):
        head.loss(feats(), mixed)
