"""Precision by recall, and precision, recall and F1 by the least score."""

import numpy as np
import pytest

from mmresnet.evaluation.detection_errors.boxes import box_set, overlaps
from mmresnet.evaluation.detection_errors.curves import SCORES, by_score, precisions
from mmresnet.evaluation.detection_errors.matching import match

CAT, FAR = ("a", "cat", 0, 0, 10, 10), ("a", "cat", 80, 80, 10, 10)


def matched(found):
    boxes = box_set(found)
    return boxes, match(boxes, overlaps(boxes))


def test_precision_at_each_recall(scene):
    """Right (1/1), wrong, right (2/3), of three cats: the recalls are 1/3 and 2/3."""
    objects = [CAT, FAR, ("b", "cat", 0, 0, 10, 10)]
    detections = [(*CAT, 0.9), ("b", "cat", 50, 50, 9, 9, 0.8), (*FAR, 0.7)]
    precision = precisions(*matched(scene(objects, detections)))
    assert precision.shape == (3, 101)
    assert precision[0, [0, 33]].tolist() == [1, 1]
    assert precision[0, [34, 66]].tolist() == pytest.approx([2 / 3, 2 / 3])
    assert precision[0, [67, 100]].tolist() == [0, 0]
    assert np.isnan(precision[1:]).all()  # no such objects


def test_figures_by_score(scene):
    """Two cats: right at 0.9, wrong at 0.8, right at 0.4."""
    detections = [(*CAT, 0.9), ("a", "cat", 50, 50, 9, 9, 0.8), (*FAR, 0.4)]
    found = by_score(*matched(scene([CAT, FAR], detections)))
    at = [np.flatnonzero(np.isclose(SCORES, score))[0] for score in (0.3, 0.5, 0.85, 0.95)]
    assert found.precision[0, at[:3]].tolist() == pytest.approx([2 / 3, 1 / 2, 1])
    assert np.isnan(found.precision[0, at[3]])
    assert found.recall[0, at].tolist() == [1, 0.5, 0.5, 0]
    assert found.f1[0, at].tolist() == pytest.approx([0.8, 0.5, 2 / 3, 0])


def test_the_best_score_is_in_the_middle_of_those_with_the_highest_f1(scene):
    """F1 is highest for scores from 0.41 to 0.90: 50 of them, from 0.41 on."""
    detections = [(*CAT, 0.9), ("a", "cat", 50, 50, 9, 9, 0.4)]
    found = by_score(*matched(scene([CAT], detections)))
    assert SCORES[found.best[0]] == pytest.approx(0.66)
    assert found.best[1] == -1  # no dogs
    assert found.best[-1] == found.best[0]


def test_a_detection_with_exactly_the_score_is_kept(scene):
    found = by_score(*matched(scene([CAT], [(*CAT, 0.29)])))
    assert found.recall[0, [29, 30]].tolist() == [1, 0]


def test_all_classes_together_are_their_sums(scene):
    """A cat is found, a dog is not, and an owl is found where there is none: 1 of 2, 1 of 2."""
    objects = [CAT, ("a", "dog", 40, 40, 10, 10)]
    found = by_score(*matched(scene(objects, [(*CAT, 0.9), ("b", "owl", 0, 0, 9, 9, 0.9)])))
    assert (found.precision[-1, 50], found.recall[-1, 50], found.f1[-1, 50]) == (0.5, 0.5, 0.5)
    assert np.isnan(found.f1[2]).all()


def test_ignored_detections_do_not_count(scene):
    objects = [CAT, ("a", "cat", 50, 50, 40, 40, "iscrowd")]
    found = by_score(*matched(scene(objects, [(*CAT, 0.9), ("a", "cat", 60, 60, 9, 9, 0.9)])))
    assert found.precision[0, 50] == 1


@pytest.mark.filterwarnings("error")
def test_nothing_is_right(scene):
    for objects, detections in (([], []), ([CAT], []), ([], [(*CAT, 0.5)]), ([CAT], [(*FAR, 0.5)])):
        found = by_score(*matched(scene(objects, detections)))
        assert found.best.tolist() == [-1] * 4
