"""Targets and losses have mmdet's bits without waiting for them."""

import itertools
import math

import pytest
import torch
from mmdet.models.dense_heads import AnchorHead
from mmdet.models.losses import CrossEntropyLoss, L1Loss, SmoothL1Loss
from mmdet.models.losses.cross_entropy_loss import _expand_onehot_labels as one_hot
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmdet.models.task_modules import AssignResult, MaxIoUAssigner
from mmdet.registry import TASK_UTILS
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks, mask_target
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from waiting_upstream import assert_equal, assert_same_bits, boxes, with_gradients

pytestmark = pytest.mark.usefixtures("mmdet_scope")
THRESHOLDS = [(0.7, 0.3, 0.3), (0.5, 0.5, 0.5), (0.5, (0.1, 0.4), 0.0), (0.5, 1, 2.0)]


def assigners():
    for (positive, negative, least), all_of, low in itertools.product(
        THRESHOLDS, (True, False), (True, False)
    ):
        yield MaxIoUAssigner(
            positive, negative, least, gt_max_assign_all=all_of, match_low_quality=low
        )


@pytest.mark.parametrize("priors", [0, 1, 60])
@pytest.mark.parametrize("gts", [0, 1, 2, 7, 255, 300])
def test_assignment_of_overlaps(gts, priors):
    """Eighths are often equal; -1 is for priors that are ignored."""

    def assign():
        overlaps = (torch.rand(gts, priors) * 8).round() / 8
        overlaps[:, torch.rand(priors) < 0.1] = -1
        overlaps[torch.rand(gts, priors) < 0.02] = float("nan")
        labels = torch.randint(0, 80, (gts,))
        return [one.assign_wrt_overlaps(overlaps.clone(), labels) for one in assigners()]

    assert_same_bits(assign)


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"ignore_iof_thr": 0.5},
        {"ignore_iof_thr": 0.2, "ignore_wrt_candidates": False},
        {"gpu_assign_thr": 3},
        {"perm_repeat_gt_cfg": {"iou_thr": 0.7, "perm_range": 0.01}},
    ],
    ids=lambda options: next(iter(options)),
)
@pytest.mark.parametrize(("gts", "priors"), [(0, 9), (6, 200), (5, 0)])
def test_assignment_of_boxes(typed, options, gts, priors):
    if typed and "perm_repeat_gt_cfg" in options:
        pytest.skip("mmdet permutes tensors only")
    kind = HorizontalBoxes if typed else torch.Tensor.clone

    def assign():
        assigner = MaxIoUAssigner(0.5, 0.3, 0.2, **options)
        true = InstanceData(bboxes=kind(boxes(gts)), labels=torch.randint(0, 9, (gts,)))
        return assigner.assign(
            InstanceData(priors=kind(boxes(priors))), true, InstanceData(bboxes=kind(boxes(3)))
        )

    assert_same_bits(assign)


SAMPLERS = [
    {"type": "RandomSampler"},
    {"type": "RandomSampler", "neg_pos_ub": 2},
    {"type": "RandomSampler", "neg_pos_ub": 0, "add_gt_as_proposals": False},
    {"type": "InstanceBalancedPosSampler"},
    {"type": "IoUBalancedNegSampler", "floor_thr": 0.0, "num_bins": 3},
    {
        "type": "CombinedSampler",
        "pos_sampler": {"type": "InstanceBalancedPosSampler"},
        "neg_sampler": {"type": "RandomSampler"},
    },
    {"type": "PseudoSampler"},
]


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("settings", SAMPLERS, ids=lambda settings: settings["type"])
@pytest.mark.parametrize(("gts", "priors"), [(0, 0), (0, 50), (3, 0), (4, 9), (4, 400)])
def test_samples(settings, typed, gts, priors):
    kind = HorizontalBoxes if typed else torch.Tensor.clone
    if settings["type"] == "InstanceBalancedPosSampler":  # it takes none of one kind
        settings = {"type": "CombinedSampler", "pos_sampler": settings, "neg_sampler": SAMPLERS[0]}
    if settings["type"] == "IoUBalancedNegSampler":
        settings = {"type": "CombinedSampler", "pos_sampler": SAMPLERS[0], "neg_sampler": settings}

    def sample():
        sampler = TASK_UTILS.build(dict(settings, num=32, pos_fraction=0.5))
        indices = torch.randint(-1, gts + 1, (priors,))
        assigned = AssignResult(
            gts, indices, torch.rand(priors), labels=torch.randint(0, 9, (priors,))
        )
        true = InstanceData(bboxes=kind(boxes(gts)), labels=torch.randint(0, 9, (gts,)))
        return sampler.sample(assigned, InstanceData(priors=kind(boxes(priors))), true)

    assert_same_bits(sample)


def test_a_sampler_may_draw_twice_the_same():
    """Those of others than RandomSampler are made unique as before."""

    class Repeating(TASK_UTILS.get("RandomSampler")):
        def random_choice(self, gallery, num):
            return gallery[torch.randint(5, (num,))]

    def sample():
        assigned = AssignResult(1, torch.ones(40).long(), torch.rand(40), torch.zeros(40).long())
        true = InstanceData(bboxes=boxes(1), labels=torch.zeros(1).long())
        return Repeating(16, 0.5).sample(assigned, InstanceData(priors=boxes(40)), true)

    assert len(assert_same_bits(sample).pos_inds) <= 5


def anchor_head(border: int, **options):
    return AnchorHead(
        3,
        8,
        anchor_generator={
            "type": "AnchorGenerator",
            "strides": [8, 16],
            "ratios": [0.5, 1.0],
            "scales": [4],
        },
        train_cfg=ConfigDict(
            assigner={"type": "MaxIoUAssigner", "pos_iou_thr": 0.5, "neg_iou_thr": 0.4},
            sampler={
                "type": "RandomSampler",
                "num": 16,
                "pos_fraction": 0.5,
                "add_gt_as_proposals": False,
            },
            allowed_border=border,
            pos_weight=-1,
        ),
        **options,
    )


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("border", [-1, 0, 8])
@pytest.mark.parametrize("valid", [0.7, 1.0])
@pytest.mark.parametrize("unmap", [False, True])
@pytest.mark.parametrize("decoded", [False, True])
def test_targets_of_anchors(typed, border, valid, unmap, decoded):
    kind = HorizontalBoxes if typed else torch.Tensor.clone
    head = anchor_head(border, reg_decoded_bbox=decoded)

    def targets():
        true = InstanceData(bboxes=kind(boxes(4)), labels=torch.randint(0, 3, (4,)))
        anchors, flags = kind(boxes(300)), torch.rand(300) < valid
        return head._get_targets_single(
            anchors, flags, true, {"img_shape": (90, 90)}, None, unmap_outputs=unmap
        )

    assert_same_bits(targets)


def test_without_an_anchor_inside_there_is_an_error():
    with pytest.raises(ValueError, match="no valid anchor"):
        anchor_head(-1)._get_targets_single(
            boxes(3), torch.zeros(3, dtype=torch.bool), InstanceData(), {"img_shape": (90, 90)}
        )


@pytest.mark.parametrize("options", [{}, {"reg_class_agnostic": True}, {"reg_decoded_bbox": True}])
@pytest.mark.parametrize("positive", [0, 1, 11])
@pytest.mark.parametrize("regions", [11, 0])
def test_losses_of_regions(options, positive, regions):
    agnostic = "reg_decoded_bbox" in options
    head = BBoxHead(num_classes=3, **{"reg_class_agnostic": agnostic, **options})

    def losses():
        scores = torch.randn(regions, 4, requires_grad=True)
        count = 1 if head.reg_class_agnostic else 3
        deltas = torch.randn(regions, 4 * count, requires_grad=True)
        labels = torch.where(torch.arange(regions) < positive, torch.randint(0, 3, (regions,)), 3)
        labels = labels[torch.randperm(regions)]
        weights = (labels < 3).float()[:, None].expand(regions, 4)
        rois = torch.cat([torch.zeros(regions, 1), boxes(regions)], 1)
        return with_gradients(
            head.loss(
                scores,
                deltas,
                rois,
                labels,
                (torch.rand(regions) < 0.8).float(),
                torch.randn(regions, 4),
                weights,
            ),
            scores,
            deltas,
        )

    assert_same_bits(losses)


WEIGHTS = {
    "some": lambda n: (torch.rand(n, 4) < 0.5).float(),
    "none": lambda n: torch.zeros(n, 4),
    "of no row": torch.zeros,
    "of no column": lambda n: torch.zeros(n, 1),
    "absent": lambda n: None,
}


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("kind", [L1Loss, SmoothL1Loss])
@pytest.mark.parametrize("value", [0.0, 1e30, float("nan"), float("inf")])
def test_losses_of_boxes(kind, weight, value):
    """What is not finite makes the loss NaN in both, and gradients of no use."""

    def losses():
        for count, factor, reduction in itertools.product(
            (12, 1, 0), (None, 7, 0), ("mean", "sum", "none")
        ):
            if reduction == "sum" and factor is not None:
                continue  # mmdet refuses it when a weight is positive
            predicted = torch.randn(count, 4)
            predicted[:1] = value
            predicted.requires_grad_()
            weights = WEIGHTS[weight](count)
            for layer in kind(reduction=reduction), kind(loss_weight=2.5):
                loss = layer(
                    predicted,
                    torch.zeros(count, 4),
                    weights,
                    factor,
                    reduction_override=None if layer.reduction == reduction else reduction,
                )
                yield with_gradients(loss, predicted) if math.isfinite(value) else loss

    assert_same_bits(lambda: list(losses()))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 40])
@pytest.mark.parametrize("ignored", [None, 0, 255])
@pytest.mark.parametrize("weighted", [False, True])
def test_binary_cross_entropy(channels, count, ignored, weighted):
    def loss():
        scores = torch.randn(count, channels, requires_grad=True)
        labels = torch.randint(-2, channels + 2, (count,))
        labels[labels == -2] = 255
        weights = torch.rand(count) if weighted else None
        layer = CrossEntropyLoss(use_sigmoid=True, ignore_index=ignored, avg_non_ignore=True)
        rows = one_hot(labels, weights, channels, -100 if ignored is None else ignored)
        return rows, with_gradients(layer(scores, labels, weights), scores)

    assert_same_bits(loss)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("regions", [0, 30])
def test_targets_of_masks(regions, soft):
    def targets():
        masks = BitmapMasks((torch.rand(3, 40, 50) < 0.5).numpy().astype("uint8"), 40, 50)
        settings = ConfigDict(mask_size=7, soft_mask_target=soft)
        return mask_target(
            [boxes(regions, 40)], [torch.randint(0, 3, (regions,))], [masks], settings
        )

    assert_same_bits(targets)


def test_what_is_compared_can_differ():
    with pytest.raises(AssertionError):
        assert_equal([torch.zeros(2)], [torch.ones(2)])
