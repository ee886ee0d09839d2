"""Which anchors are positive: by hand, and as torchvision's matcher of Faster R-CNN has it."""

import torch
from torchvision.models.detection._utils import Matcher
from torchvision.ops import box_iou

from mmresnet.models.localizers.targets import label_anchors, sample


def random_boxes(count, seed):
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * 60
    return torch.cat([corner, corner + 10 + torch.rand(count, 2, generator=generator) * 60], dim=1)


def test_labels_by_hand():
    box = torch.tensor([[0.0, 0, 10, 10]])
    anchors = torch.tensor(
        [
            [0.0, 0, 10, 8],  # IoU 0.8: positive
            [0, 0, 10, 5],  # 0.5: neither
            [0, 0, 10, 2],  # 0.2: negative
            [50, 50, 60, 60],  # 0
        ]
    )
    assert label_anchors(anchors, box, 0.7, 0.3)[0].tolist() == [1, -1, 0, 0]
    # the best anchor is positive, whatever its IoU
    assert label_anchors(anchors[1:], box, 0.7, 0.3)[0].tolist() == [1, 0, 0]
    # but not where it does not meet the box
    assert label_anchors(anchors[3:], box, 0.7, 0.3)[0].tolist() == [0]
    assert label_anchors(anchors, box[:0], 0.7, 0.3)[0].tolist() == [0] * 4


def test_labels_are_those_of_torchvisions_matcher():
    anchors = random_boxes(300, seed=0)
    for seed in range(1, 6):
        boxes = random_boxes(3, seed)
        matcher = Matcher(0.7, 0.3, allow_low_quality_matches=True)
        theirs = matcher(box_iou(boxes, anchors))
        labels, matched = label_anchors(anchors, boxes, 0.7, 0.3)
        expected = torch.where(
            theirs >= 0, 1, torch.where(theirs == Matcher.BELOW_LOW_THRESHOLD, 0, -1)
        )
        assert torch.equal(labels, expected)
        assert torch.equal(matched[labels == 1], theirs[theirs >= 0])


def test_half_of_the_sampled_anchors_are_positive_as_far_as_there_are_such():
    many = torch.tensor([1] * 20 + [0] * 20 + [-1] * 20)
    few = torch.tensor([1, 0, 0, 0, 0, 0, 0, 0, 0, -1])
    for labels, positive in ((many, 4), (few, 1)):
        chosen = sample(labels, 8)
        assert len(set(chosen.tolist())) == 8
        assert sorted(labels[chosen].tolist()) == [0] * (8 - positive) + [1] * positive
    assert sorted(sample(torch.tensor([1, 0, 0]), 8).tolist()) == [0, 1, 2]
    drawn = {index for _ in range(200) for index in sample(many, 8).tolist()}
    assert drawn == set(range(40))
