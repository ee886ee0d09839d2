"""R-CNN on proposals: warping, losses by hand, and the best of the updated boxes."""

import math

import numpy as np
import pytest
import torch
from mmpretrain.structures import DataSample
from torch.nn import functional as F

from mmresnet.errors import UserError
from mmresnet.models.localizers import PerClassRegionHead, RegionLocalizer
from mmresnet.models.localizers.boxes import decode
from mmresnet.models.localizers.regions import STDS, warp

NET = {"type": "mmresnet.CifarResNet", "depth": 8, "base_channels": 4}


def model(**options):
    torch.manual_seed(0)
    head = {"type": "mmresnet.PerClassRegionHead", "num_classes": 3, "in_channels": 16}
    net = RegionLocalizer(NET, head, size=16, **options)
    net.init_weights()
    for parameter in net.head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return net.eval()


def test_a_region_is_cut_out_and_warped():
    image = torch.rand(3, 20, 30)
    same = warp(image, torch.tensor([[4.0, 2, 12, 10]]), 8)
    torch.testing.assert_close(same, image[None, :, 2:10, 4:12])
    # twice as wide as high: each pixel is the mean of two columns
    half = warp(image, torch.tensor([[4.0, 2, 20, 10]]), 8)
    expected = F.avg_pool2d(image[None, :, 2:10, 4:20], (1, 2))
    torch.testing.assert_close(half, expected)


def test_the_loss_by_hand():
    """Three regions of class 1, the first of which shows the object; all weights are 0.

    The logit is 0.5 and the box 0.5, 0, 0, 2, so that with target 0 the distance is
    0.5² / 2 + (2 - 0.5), over three regions.
    """
    head = PerClassRegionHead(3, 4)
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    head.outputs.cls.bias.data[1] = 0.5
    head.outputs.reg.bias.data.view(3, 4)[1] = torch.tensor([0.5, 0, 0, 2])
    samples = []
    for label in (1, 0, 0):
        one = DataSample().set_gt_label(1)
        one.set_field(label, "region_label")
        one.set_field(np.zeros(4, np.float32), "region_deltas")
        samples.append(one)
    losses = head.loss(torch.rand(3, 4, 2, 2), samples)
    expected = (math.log1p(math.exp(-0.5)) + 2 * math.log1p(math.exp(0.5))) / 3
    assert losses["loss_cls"].item() == pytest.approx(expected)
    assert losses["loss_bbox"].item() == pytest.approx((0.125 + 1.5) / 3)


def sample(proposals, label=2, predicted=(0,)):
    one = DataSample().set_gt_label(label)
    one.set_metainfo({"img_shape": (24, 30), "img_path": "a.png"})
    one.set_field(np.array(predicted), "predicted_classes")
    if proposals is not None:
        one.set_field(np.float32(proposals), "proposals")
    return one


PROPOSALS = [
    [[2, 3, 20, 20], [0, 0, 30, 24], [5, 5, 15, 21]],
    [[1, 1, 9, 9], [10, 2, 28, 22], [4, 4, 24, 18]],
]


@pytest.mark.parametrize("at_once", [2, 256])
def test_a_class_has_the_updated_box_of_the_highest_updated_score(at_once):
    net = model(regions_per_step=at_once)
    image = torch.randn(3, 24, 30)
    padded = F.pad(image, (0, 2, 0, 8))[None]
    (found,) = net(padded, [sample(PROPOSALS)], mode="predict")
    for label, regions, box, score in (
        (2, PROPOSALS[0], found.gt_class_bbox, None),
        (0, PROPOSALS[1], found.pred_bboxes[0], found.pred_scores[0]),
    ):
        boxes = torch.tensor(regions, dtype=torch.float32)
        features = net.backbone(warp(image, boxes, 16))[-1].mean((2, 3))
        logits = features @ net.head.outputs.cls.weight[label].flatten()
        logits = logits + net.head.outputs.cls.bias[label]
        rows = slice(4 * label, 4 * label + 4)
        deltas = features @ net.head.outputs.reg.weight[rows].flatten(1).T
        moved = decode(deltas + net.head.outputs.reg.bias[rows], boxes, STDS)
        best = int(logits.argmax())
        limits = torch.tensor([30.0, 24, 30, 24])
        expected = moved[best].clamp(min=0).minimum(limits)
        torch.testing.assert_close(box, expected, rtol=1e-4, atol=1e-4)
        if score is not None:
            torch.testing.assert_close(score, logits[best].sigmoid())
    assert found.pred_labels.tolist() == [0]


def test_boxes_end_with_the_image():
    net = model()
    for parameter in net.head.parameters():
        torch.nn.init.zeros_(parameter)
    net.head.outputs.reg.bias.data.view(3, 4)[2, 2:] = 20.0  # exp(4) times as wide and high
    regions = torch.tensor([[[14.0, 11, 16, 13]]])
    scores, boxes = net.score_regions(torch.zeros(3, 24, 30), regions, torch.tensor([2]))
    assert scores.tolist() == [[0.5]]
    assert boxes.tolist() == [[[0, 0, 30, 24]]]


@pytest.mark.parametrize(("proposals", "count"), [(None, 0), (PROPOSALS[:1], 1)])
def test_missing_proposals_are_told(proposals, count):
    with pytest.raises(
        UserError, match=f"a.png has proposals for {count} classes and not for the 2"
    ):
        model()(torch.zeros(1, 3, 24, 30), [sample(proposals)], mode="predict")
