"""Kinds of errors and their costs, against hand-made cases and the paper's code."""

import pytest

from mmresnet.evaluation.detection_errors.boxes import box_set, overlaps
from mmresnet.evaluation.detection_errors.kinds import (
    KINDS,
    Kind,
    average_precision,
    costs,
    errors,
)
from mmresnet.evaluation.detection_errors.matching import match

CAT = ("a", "cat", 0, 0, 10, 10)


def analysed(found):
    boxes = box_set(found)
    pairs = overlaps(boxes)
    matches = match(boxes, pairs)
    return boxes, matches, errors(boxes, pairs, matches)


@pytest.mark.parametrize(
    ("detection", "kind", "target", "missed"),
    [
        (("a", "dog", 0, 0, 10, 10, 0.9), Kind.CLASSIFICATION, 0, False),
        (("a", "dog", 0, 0, 10, 5, 0.9), Kind.CLASSIFICATION, 0, False),  # IoU 0.5
        (("a", "cat", 0, 0, 10, 4, 0.9), Kind.LOCALIZATION, 0, False),  # IoU 0.4
        (("a", "cat", 0, 0, 10, 1, 0.9), Kind.LOCALIZATION, 0, False),  # IoU 0.1
        (("a", "dog", 0, 0, 10, 4, 0.9), Kind.BOTH, -1, True),
        (("a", "dog", 0, 0, 10, 1, 0.9), Kind.BACKGROUND, -1, True),  # IoU 0.1
        (("a", "cat", 50, 50, 10, 10, 0.9), Kind.BACKGROUND, -1, True),
        (("b", "cat", 0, 0, 10, 10, 0.9), Kind.BACKGROUND, -1, True),
    ],
)
def test_the_kind_of_a_false_positive(detection, kind, target, missed, scene):
    _, _, found = analysed(scene([CAT], [detection]))
    assert KINDS[found.kind[0]] is kind
    assert found.target.tolist() == [target]
    assert found.missed.tolist() == [missed]
    assert found.count(kind) == 1
    assert found.count(Kind.MISSED) == missed


def test_a_second_detection_of_an_object_is_a_duplicate(scene):
    detections = [(*CAT, 0.9), ("a", "cat", 0, 0, 10, 8, 0.8)]
    _, _, found = analysed(scene([CAT], detections))
    assert found.kind.tolist() == [-1, KINDS.index(Kind.DUPLICATE)]
    assert found.target.tolist() == [-1, 0]
    assert found.iou.tolist()[1] == 0.8
    assert not found.missed.any()


def test_crowds_are_neither_missed_nor_mistaken(scene):
    objects = [("a", "cat", 0, 0, 100, 100, "iscrowd")]
    detections = [("a", "cat", 0, 0, 10, 10, 0.9), ("a", "dog", 0, 0, 100, 100, 0.8)]
    _, _, found = analysed(scene(objects, detections))
    assert not found.missed.any()
    assert found.kind.tolist() == [-1, KINDS.index(Kind.BACKGROUND)]


def test_costs_of_each_kind_by_hand(scene):
    """Two cats, and a dog that is found.

    Cats by score: wrong (background), right. The recalls are 0 and 1/2, the precisions 0 and 1/2,
    so that 51 of the 101 recalls (0 to 0.50) have the precision 1/2: AP = 51 / 202. Without the
    background error it is 51 / 101. Without the missed cat, all 101 recalls have the precision 1/2.
    """
    objects = [CAT, ("a", "cat", 50, 50, 10, 10), ("b", "dog", 0, 0, 10, 10)]
    detections = [
        ("b", "cat", 80, 80, 10, 10, 0.9),
        ("a", "cat", 0, 0, 10, 9, 0.8),
        ("b", "dog", 0, 0, 10, 9, 0.7),
    ]
    boxes, matches, found = analysed(scene(objects, detections))
    base = average_precision(boxes, matches.outcome, boxes.detections.label, boxes.positives)
    assert base == pytest.approx((51 / 202 + 1) / 2)
    expected = dict.fromkeys(KINDS, 0.0)
    expected[Kind.BACKGROUND] = (51 / 101 - 51 / 202) / 2
    expected[Kind.MISSED] = (1 / 2 - 51 / 202) / 2
    assert costs(boxes, matches, found) == pytest.approx(expected)


def test_the_best_detection_of_a_target_is_put_right_and_the_others_are_removed(scene):
    """Both lie badly on the one cat: the AP rises from 0 to 1, not to the half of two."""
    detections = [("a", "cat", 0, 0, 10, 4, 0.9), ("a", "cat", 0, 0, 10, 3, 0.8)]
    boxes, matches, found = analysed(scene([CAT], detections))
    assert costs(boxes, matches, found)[Kind.LOCALIZATION] == pytest.approx(1.0)


def test_a_wrong_class_is_put_right_in_the_class_of_the_object(scene):
    """The owl is taken for a cat: its AP rises from 0 to 1, that of cats from 51 / 101 / 2."""
    objects = [CAT, ("a", "cat", 80, 80, 10, 10), ("a", "owl", 40, 40, 10, 10)]
    detections = [("a", "cat", 40, 40, 10, 10, 0.9), (*CAT, 0.8)]
    boxes, matches, found = analysed(scene(objects, detections))
    gain = costs(boxes, matches, found)[Kind.CLASSIFICATION]
    assert gain == pytest.approx((51 / 101 - 51 / 202 + 1) / 2)


def test_numbers_are_those_of_the_papers_code(random_scene):
    """tidecv 1.0.1: ``TIDE().evaluate(…, mode=TIDE.BOX)`` of the same boxes.

    It samples the curve at i / 100, whose last bits differ from COCO's ``linspace``, so that an AP
    may differ by one sample in a hundred: tolerances are below that of one class.
    """
    boxes, matches, found = analysed(random_scene())
    counts = [found.count(kind) for kind in KINDS]
    lost = costs(boxes, matches, found)
    base = average_precision(boxes, matches.outcome, boxes.detections.label, boxes.positives)
    assert counts == COUNTS
    assert 100 * base == pytest.approx(AP, abs=0.02)
    assert [100 * lost[kind] for kind in KINDS] == pytest.approx(LOST, abs=0.02)


# of classification, localization, both, duplicate, background, missed
COUNTS = [28, 28, 6, 45, 29, 29]
AP = 35.2319
LOST = [9.2235, 11.5554, 0.8324, 3.2759, 3.9889, 10.8226]


def test_no_detections(scene):
    boxes, matches, found = analysed(scene([CAT], []))
    assert found.missed.tolist() == [True]
    assert costs(boxes, matches, found) == {**dict.fromkeys(KINDS, 0.0), Kind.MISSED: 1.0}


def test_a_class_that_is_missed_altogether_leaves_the_mean(scene):
    """Of the two classes' APs, 1 and 0, the other one is left."""
    boxes, matches, found = analysed(scene([CAT, ("a", "dog", 50, 50, 10, 10)], [(*CAT, 0.5)]))
    assert costs(boxes, matches, found)[Kind.MISSED] == pytest.approx(1 - 1 / 2)


def test_no_objects(scene):
    boxes, matches, found = analysed(scene([], [(*CAT, 0.5)]))
    assert found.count(Kind.BACKGROUND) == 1
    assert costs(boxes, matches, found) == dict.fromkeys(KINDS, 0.0)
