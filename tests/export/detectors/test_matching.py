"""Boxes of two computations are matched one to one."""

import numpy as np
import pytest

pytest.importorskip("torchvision")

from mmresnet.export.detectors.matching import Found, match

BOXES = np.float32([[0, 0, 10, 10], [20, 0, 30, 10], [20, 20, 40, 40]])


def _found(boxes=BOXES, scores=(0.9, 0.8, 0.3), labels=(0, 1, 1)):
    return Found(np.float32(boxes).reshape(-1, 4), np.float32(scores), np.int64(labels))


def _match(ours, theirs, least_iou=0.99, margin=1e-3, limit=0.05):
    return match(ours, theirs, least_iou, margin, limit)


def test_order_does_not_matter():
    matches = _match(_found(), _found(BOXES[::-1], (0.3, 0.8, 0.9), (1, 1, 0)))
    assert matches.pairs.tolist() == [[0, 2], [1, 1], [2, 0]]
    assert matches.unmatched == 0
    assert matches.ious.tolist() == [1, 1, 1]
    assert matches.differences.max() == 0


@pytest.mark.parametrize(
    ("other", "unmatched"),
    [
        (_found(BOXES + np.float32([1, 0, 1, 0])), 6),  # IoU 9 / 11
        (_found(labels=(0, 0, 1)), 2),
        (_found(BOXES[:2], (0.9, 0.8), (0, 1)), 1),
        (_found([], [], []), 3),
        (_found(np.concatenate((BOXES, BOXES[:1])), (0.9, 0.8, 0.3, 0.2), (0, 1, 1, 0)), 1),
    ],
)
def test_what_has_no_counterpart_is_counted_on_both_sides(other, unmatched):
    assert _match(_found(), other).unmatched == unmatched


def test_at_a_lower_iou_moved_boxes_match():
    matches = _match(_found(), _found(BOXES + np.float32([1, 0, 1, 0])), least_iou=0.5)
    assert matches.unmatched == 0
    assert matches.ious.tolist() == pytest.approx([9 / 11, 9 / 11, 19 / 21])


def test_a_box_at_the_limit_of_the_scores_may_lack_one():
    ours, theirs = _found(scores=(0.9, 0.8, 0.0504)), _found(BOXES[:2], (0.9, 0.8), (0, 1))
    assert _match(ours, theirs).unmatched == 0
    assert _match(ours, theirs, margin=1e-4).unmatched == 1


def test_empty_boxes_match_themselves():
    point = _found([[5, 5, 5, 5]], [0.5], [0])
    assert _match(point, point).unmatched == 0
