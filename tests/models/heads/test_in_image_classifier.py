"""Our neck, head and losses inside mmpretrain's ImageClassifier equal mmpretrain's own parts."""

import numpy as np
import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

C = 5
CROSS_ENTROPY = {"type": "CrossEntropyLoss", "loss_weight": 1.0}
SOFT = {"type": "CrossEntropyLoss", "loss_weight": 1.0, "use_soft": True}
BINARY = {"type": "CrossEntropyLoss", "use_sigmoid": True}
SMOOTH = {"type": "LabelSmoothLoss", "label_smooth_val": 0.1, "loss_weight": 1.0}
RSB_A1 = {**SMOOTH, "mode": "original", "use_sigmoid": True}
MIXUP = {"type": "mmpretrain.Mixup", "alpha": 0.8}
CUTMIX = {"type": "mmpretrain.CutMix", "alpha": 1.0}


def build(scope, neck, head, loss, augments=(), probs=None):
    """Return a small classifier whose neck, head and loss come from ``scope``, initialised."""
    torch.manual_seed(5)
    config = {
        "type": "mmpretrain.ImageClassifier",
        "backbone": {
            "type": "mmpretrain.ResNet",
            "depth": 18,
            "stem_channels": 8,
            "base_channels": 8,
        },
        "neck": {"type": f"{scope}.{neck}"},
        "head": {
            "type": f"{scope}.{head}",
            "num_classes": C,
            "in_channels": 64,
            "loss": {**loss, "type": f"{scope}.{loss['type']}"},
        },
        "data_preprocessor": {
            "type": "mmpretrain.ClsDataPreprocessor",
            "num_classes": C,
            "mean": [127.0] * 3,
            "std": [60.0] * 3,
        },
    }
    if augments:
        config["train_cfg"] = {"augments": list(augments), "probs": probs and list(probs)}
    model = MODELS.build(config)
    model.init_weights()
    return model


def batch(labels=((0,), (3,), (4,), (1,))):
    images = torch.randint(0, 256, (4, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    return {
        "inputs": list(images.to(torch.uint8)),
        "data_samples": [DataSample().set_gt_label(list(own)) for own in labels],
    }


def step(model, data):
    """Return the losses and the gradients of one training step, and whether images were mixed."""
    np.random.seed(7)
    torch.manual_seed(7)
    data = model.data_preprocessor(data, training=True)
    losses = model(**data, mode="loss")
    losses["loss"].backward()
    scored = [sample.gt_score for sample in data["data_samples"] if "gt_score" in sample]
    mixed = any(((score > 0) & (score < 1)).any() for score in scored)
    return losses, {name: value.grad for name, value in model.named_parameters()}, mixed


@pytest.mark.parametrize(
    ("neck", "loss", "augments", "probs"),
    [
        ("GlobalAveragePooling", CROSS_ENTROPY, (), None),
        ("GeneralizedMeanPooling", CROSS_ENTROPY, (), None),
        ("GlobalAveragePooling", SMOOTH, (), None),
        ("GlobalAveragePooling", CROSS_ENTROPY, (MIXUP,), None),
        ("GlobalAveragePooling", SOFT, (MIXUP,), None),
        ("GlobalAveragePooling", SOFT, (CUTMIX,), None),
        ("GlobalAveragePooling", RSB_A1, (MIXUP, CUTMIX), None),
        ("GlobalAveragePooling", BINARY, (MIXUP, CUTMIX), None),
        ("GlobalAveragePooling", SMOOTH, (MIXUP, CUTMIX), (0.5, 0.5)),
    ],
    ids=str,
)
def test_a_training_step_equals_upstream(neck, loss, augments, probs):
    results = []
    for scope in ("mmresnet", "mmpretrain"):
        model = build(scope, neck, "LinearClsHead", loss, augments, probs)
        assert type(model.head).__module__.startswith(scope)
        results.append((model.state_dict(), *step(model, batch())))
    (weights, losses, grads, mixed), (other_weights, other_losses, other_grads, _) = results
    assert mixed == bool(augments)
    assert weights.keys() == other_weights.keys()
    assert all(torch.equal(weights[name], other_weights[name]) for name in weights)
    assert losses.keys() == other_losses.keys()
    assert torch.equal(losses["loss"], other_losses["loss"])
    for name, grad in grads.items():
        assert torch.equal(grad, other_grads[name]), name


def test_a_multi_label_step_equals_upstream():
    labels = ((0, 2), (), (4,), (1, 2, 3))
    results = [
        step(build(scope, "GlobalAveragePooling", "MultiLabelLinearClsHead", BINARY), batch(labels))
        for scope in ("mmresnet", "mmpretrain")
    ]
    assert torch.equal(results[0][0]["loss"], results[1][0]["loss"])
    for name, grad in results[0][1].items():
        assert torch.equal(grad, results[1][1][name]), name


@pytest.mark.parametrize("head", ["LinearClsHead", "MultiLabelLinearClsHead"])
def test_predictions_and_logits_equal_upstream(head):
    results = []
    for scope in ("mmresnet", "mmpretrain"):
        model = build(scope, "GlobalAveragePooling", head, BINARY).eval()
        data = model.data_preprocessor(batch())
        with torch.no_grad():
            logits = model(data["inputs"], mode="tensor")
            features = model.extract_feat(data["inputs"], stage="pre_logits")
            without = model(data["inputs"], mode="predict")
            results.append((logits, features, without, model.test_step(batch())))
    ours, theirs = results
    assert torch.equal(ours[0], theirs[0]) and ours[0].shape == (4, C)
    assert torch.equal(ours[1], theirs[1]) and ours[1].shape == (4, 64)
    for mine, other in zip(ours[2] + ours[3], theirs[2] + theirs[3], strict=True):
        assert torch.equal(mine.pred_score, other.pred_score)
        assert torch.equal(mine.pred_label, other.pred_label)
    assert "gt_label" in ours[3][0]


def test_a_step_of_the_optimizer_logs_loss_and_accuracy():
    model = build("mmresnet", "GlobalAveragePooling", "LinearClsHead", CROSS_ENTROPY)
    model.head.cal_acc = True
    data = model.data_preprocessor(batch(), training=True)
    total, logged = model.parse_losses(model(**data, mode="loss"))
    assert torch.equal(total, logged["loss"])
    assert set(logged) == {"loss", "accuracy_top-1"}
    assert 0 <= logged["accuracy_top-1"] <= 100


def test_a_label_out_of_range_is_reported():
    model = build("mmresnet", "GlobalAveragePooling", "LinearClsHead", CROSS_ENTROPY)
    data = model.data_preprocessor(batch(((0,), (12,), (1,), (2,))))
    with pytest.raises(ValueError, match=r"gt_label 12 of data sample 1.*num_classes=5"):
        model(**data, mode="loss")
