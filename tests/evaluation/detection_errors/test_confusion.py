"""The confusion matrix of a detector, with background."""

import pytest

from mmresnet.evaluation.detection_errors.boxes import box_set, overlaps
from mmresnet.evaluation.detection_errors.confusion import confusion
from mmresnet.evaluation.detection_errors.matching import match

CAT = ("a", "cat", 0, 0, 10, 10)
BACKGROUND = 3


def confused(found, score_thr=0.3):
    boxes = box_set(found)
    pairs = overlaps(boxes)
    return confusion(boxes, pairs, match(boxes, pairs), score_thr)


def entries(found):
    columns = (found.true, found.predicted, found.object, found.detection)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize(
    ("detections", "expected"),
    [
        ([(*CAT, 0.9)], [(0, 0, 0, 0)]),
        ([], [(0, BACKGROUND, 0, -1)]),
        ([(*CAT, 0.2)], [(0, BACKGROUND, 0, -1)]),  # below the threshold
        ([("a", "dog", 0, 0, 10, 8, 0.9)], [(0, 1, 0, 0)]),
        ([("a", "dog", 0, 0, 10, 4, 0.9)], [(0, BACKGROUND, 0, -1), (BACKGROUND, 1, -1, 0)]),
        ([(*CAT, 0.9), (*CAT, 0.8)], [(0, 0, 0, 0), (BACKGROUND, 0, -1, 1)]),  # a duplicate
        # the right class comes first, whatever the score
        ([("a", "dog", *CAT[2:], 0.9), (*CAT, 0.5)], [(0, 0, 0, 1), (BACKGROUND, 1, -1, 0)]),
        # unless it is below the threshold
        ([("a", "dog", *CAT[2:], 0.9), (*CAT, 0.2)], [(0, 1, 0, 0)]),
        # of two wrong classes the higher score
        (
            [("a", "dog", 0, 0, 10, 10, 0.7), ("a", "owl", 0, 0, 10, 9, 0.8)],
            [(0, 2, 0, 0), (BACKGROUND, 1, -1, 1)],
        ),
    ],
)
def test_what_is_taken_for_what(detections, expected, scene):
    assert entries(confused(scene([CAT], detections))) == expected


def test_crowds_are_in_no_cell(scene):
    objects = [("a", "cat", 0, 0, 50, 50, "iscrowd")]
    detections = [("a", "cat", 0, 0, 10, 10, 0.9), ("a", "dog", 0, 0, 50, 50, 0.8)]
    assert entries(confused(scene(objects, detections))) == [(BACKGROUND, 1, -1, 1)]


def test_counts_and_sums(random_scene):
    found = random_scene("iscrowd", 0.2)
    boxes = box_set(found)
    matrix = confused(found)
    counts = matrix.counts
    assert counts[:-1].sum(axis=1).tolist() == boxes.positives.tolist()
    assert counts[-1, -1] == 0
    assert counts.sum() == len(matrix.true)
    assert matrix.wrong.sum() == counts.sum() - counts.trace()
    assert len(set(matrix.detection.tolist()) - {-1}) == (matrix.detection >= 0).sum()


def test_each_class_may_have_its_own_threshold(scene):
    detections = [(*CAT, 0.5), ("b", "dog", 0, 0, 10, 10, 0.5)]
    found = confused(scene([CAT], detections), score_thr=[0.4, 0.6, 0.6])
    assert entries(found) == [(0, 0, 0, 0)]


def test_no_boxes(scene):
    assert confused(scene([], [])).counts.tolist() == [[0] * 4] * 4
