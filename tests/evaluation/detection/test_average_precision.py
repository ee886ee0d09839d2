"""Average precision on worked examples, and matching as the development kits have it."""

import numpy as np
import pytest

from mmresnet.evaluation.detection.average_precision import (
    FALSE_POSITIVE,
    IGNORED,
    TRUE_POSITIVE,
    average_precision,
    ilsvrc_thresholds,
    match_ilsvrc,
    match_voc,
    overlaps,
    precision_recall,
)

T, N, F = TRUE_POSITIVE, IGNORED, FALSE_POSITIVE


def summarize(outcomes, positives, mode):
    scores = -np.arange(len(outcomes), dtype=float)
    found, precision, _ = precision_recall(np.array(outcomes), scores, positives)
    return average_precision(found, precision, positives, mode)


@pytest.mark.parametrize(
    ("outcomes", "positives", "eleven", "area"),
    [
        # recalls 1/2, 1/2, 1 with precisions 1, 1/2, 2/3: six of the eleven recalls (0 to 0.5) have
        # the highest precision 1, five have 2/3; the area is 1/2 * 1 + 1/2 * 2/3
        ([T, F, T], 2, (6 + 5 * 2 / 3) / 11, 1 / 2 + 1 / 3),
        # recalls 0, 1/3 with precisions 0, 1/2: recalls 0 to 0.3 are four
        ([F, T], 3, 4 * 1 / 2 / 11, 1 / 3 * 1 / 2),
        # what is ignored counts for nothing
        ([N, T, N], 1, 1.0, 1.0),
        # a later precision that is higher: recalls 1/2, 1 with 1/2, 2/3 become 2/3, 2/3
        ([F, T, T], 2, 2 / 3, 2 / 3),
        # 3 of 10 is the recall 0.3, though 3 / 10 < 3 * 0.1 in floating point: four of eleven
        ([T, T, T], 10, 4 / 11, 3 / 10),
        # likewise 7 of 10: eight of eleven
        ([T] * 7, 10, 8 / 11, 7 / 10),
        ([T, T, T, T], 4, 1.0, 1.0),
        ([F, F], 5, 0.0, 0.0),
        ([], 5, 0.0, 0.0),
    ],
)
def test_average_precision(outcomes, positives, eleven, area):
    assert summarize(outcomes, positives, "11points") == pytest.approx(eleven, abs=1e-12)
    assert summarize(outcomes, positives, "area") == pytest.approx(area, abs=1e-12)


def test_equal_scores_keep_their_order():
    outcomes = np.array([F] * 50 + [T] * 50)
    found, _, _ = precision_recall(outcomes, np.zeros(100), 50)
    assert found.tolist() == [0] * 50 + list(range(1, 51))


def test_overlaps_of_continuous_boxes_are_the_kits_of_pixels():
    """Pixels 1 to 10 and 6 to 15 of ten rows: 5 * 10 of 15 * 10 are common."""
    first, second = np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 15, 10], [10, 0, 20, 10]])
    assert overlaps(first, second).tolist() == [[50 / 150, 0]]


def test_vocs_matching_looks_at_the_best_object_only():
    # the second detection overlaps the taken object most: it is wrong, though another is free
    ious = np.array([[0.9, 0.6], [0.8, 0.7], [0.5, 0.1], [0.49, 0.2]])
    assert match_voc(ious, np.array([False, False]), 0.5).tolist() == [T, F, F, F]
    # a difficult object is never taken
    assert match_voc(ious, np.array([True, False]), 0.5).tolist() == [N, N, N, F]
    assert match_voc(np.zeros((2, 0)), np.zeros(0, bool), 0.5).tolist() == [F, F]


def test_ilsvrcs_matching_looks_at_free_objects():
    ious = np.array([[0.9, 0.6], [0.8, 0.7], [0.7, 0.65], [0.3, 0.3]])
    assert match_ilsvrc(ious, np.array([0.5, 0.5])).tolist() == [T, T, F, F]
    # each object has a threshold: the first is not reached, though it overlaps more
    assert match_ilsvrc(np.array([[0.4, 0.3]]), np.array([0.5, 0.25])).tolist() == [T]
    assert match_ilsvrc(np.zeros((2, 0)), np.zeros(0)).tolist() == [F, F]


def test_ilsvrcs_thresholds():
    # 10 x 10: 100 / 400; 20 x 5: 100 / (30 * 15); 30 x 30: 900 / 1600 is more than 0.5
    boxes = np.array([[3.0, 4, 13, 14], [0, 0, 20, 5], [0, 0, 30, 30]])
    assert ilsvrc_thresholds(boxes) == pytest.approx([0.25, 100 / 450, 0.5])
