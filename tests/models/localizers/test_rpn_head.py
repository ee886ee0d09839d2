"""The per-class RPN head: outputs of some classes, its loss by hand, and its arguments."""

import math

import pytest
import torch
from mmpretrain.structures import DataSample

from mmresnet.errors import UserValueError
from mmresnet.models.localizers import PerClassRPNHead
from mmresnet.models.localizers.per_class import PerClassLayers


def sample(label, boxes):
    one = DataSample().set_gt_label(label)
    one.set_field(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4).numpy(), "gt_bboxes")
    return one


def test_outputs_are_those_of_the_whole_convolutions():
    torch.manual_seed(0)
    layers = PerClassLayers(in_channels=5, num_classes=4, num_anchors=3)
    features = torch.randn(2, 5, 2, 3)
    classes = torch.tensor([[3, 1], [0, 0]])
    logits, deltas = layers(features, classes)
    assert logits.shape == (2, 2, 18) and deltas.shape == (2, 2, 18, 4)
    every = layers.cls(features).view(2, 4, 3, 2, 3)  # image, class, anchor, row, column
    boxes = layers.reg(features).view(2, 4, 3, 4, 2, 3)
    for image, row in enumerate(classes.tolist()):
        for place, one in enumerate(row):
            # position by position, and the anchors of a position after each other
            expected = every[image, one].permute(1, 2, 0).reshape(-1)
            torch.testing.assert_close(logits[image, place], expected)
            expected = boxes[image, one].permute(2, 3, 0, 1).reshape(-1, 4)
            torch.testing.assert_close(deltas[image, place], expected)


def head(**options):
    settings = dict(num_classes=3, in_channels=4, feat_channels=4, stride=8)
    return PerClassRPNHead(**{**settings, "anchor_sizes": (8,), "anchor_ratios": (1.0,), **options})


def test_the_loss_by_hand():
    """A map of 1 × 4, so four anchors of 8×8 pixels side by side, and a box on the second one.

    All weights are 0, and the biases of class 2 are 0.5 for its logit and 1, 0, 0, 0 for its box.
    The second anchor is positive (IoU 1) and the others negative (IoU 0): all four are sampled.
    Cross entropy: log(1 + e^-0.5) for the positive one and log(1 + e^0.5) for three negatives.
    The target of the box is 0, 0, 0, 0, so that the distance is 1 - 1/18 with beta = 1/9.
    """
    net = head()
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    net.outputs.cls.bias.data[2] = 0.5
    net.outputs.reg.bias.data.view(3, 4)[2, 0] = 1.0
    losses = net.loss(torch.randn(1, 4, 1, 4), (8, 32), [sample(2, [[8, 0, 16, 8]])])
    cross_entropy = (math.log1p(math.exp(-0.5)) + 3 * math.log1p(math.exp(0.5))) / 4
    assert losses["loss_cls"].item() == pytest.approx(cross_entropy)
    assert losses["loss_bbox"].item() == pytest.approx((1 - 1 / 18) / 4)


def test_only_the_images_own_class_is_trained():
    net = head()
    given = [sample(2, [[8, 0, 16, 8]]), sample(0, [])]
    losses = net.loss(torch.randn(2, 4, 1, 4), (8, 32), given)
    (losses["loss_cls"] + losses["loss_bbox"]).backward()
    reg = net.outputs.reg.weight.grad.view(3, 4, -1).abs().sum((1, 2))
    cls = net.outputs.cls.weight.grad.view(3, -1).abs().sum(1)
    assert [value > 0 for value in cls.tolist()] == [True, False, True]
    # the second image has no box, so its regressors have nothing to learn
    assert [value > 0 for value in reg.tolist()] == [False, False, True]


def test_images_without_a_box_have_a_loss_as_well():
    losses = head().loss(torch.randn(1, 4, 1, 4), (8, 32), [sample(1, [])])
    assert losses["loss_bbox"].item() == 0
    assert losses["loss_cls"].item() > 0
    (losses["loss_cls"] + losses["loss_bbox"]).backward()  # as data-parallel training needs


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stride": 0}, "stride=0 must be at least 1"),
        ({"anchor_sizes": ()}, "anchor_sizes=.* must be positive"),
        ({"anchor_ratios": (1.0, -1.0)}, "anchor_ratios=.* must be positive"),
        ({"negative_iou": 0.8}, "0 < negative_iou <= positive_iou <= 1"),
    ],
)
def test_wrong_arguments_are_told(options, words):
    with pytest.raises(UserValueError, match=words):
        head(**options)


def test_another_stride_than_the_backbones_is_told():
    with pytest.raises(
        UserValueError, match=r"map of \(2, 8\).* is \(1, 4\): set stride to about 16"
    ):
        head().loss(torch.randn(1, 4, 1, 4), (16, 64), [sample(1, [])])


def test_a_label_out_of_range_is_told():
    with pytest.raises(UserValueError, match=r"gt_label 3 .*num_classes=3"):
        head().loss(torch.randn(1, 4, 1, 4), (8, 32), [sample(3, [])])
