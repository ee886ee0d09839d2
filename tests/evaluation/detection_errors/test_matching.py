"""Matching by the rules of COCO and VOC, against the evaluations themselves."""

import numpy as np
import pytest

from mmresnet.evaluation.detection.average_precision import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE
from mmresnet.evaluation.detection_errors.boxes import box_set, overlaps
from mmresnet.evaluation.detection_errors.matching import match

TP, FP, NO = TRUE_POSITIVE, FALSE_POSITIVE, IGNORED
ONE = [("a", "cat", 0, 0, 10, 10)]


def matched(found, threshold=0.5):
    boxes = box_set(found)
    return match(boxes, overlaps(boxes), threshold)


@pytest.mark.parametrize("rule", ["coco", "voc"])
def test_an_object_is_found_once_by_the_highest_score(rule, scene):
    detections = [("a", "cat", 0, 0, 10, 10, 0.6), ("a", "cat", 0, 0, 10, 7, 0.9)]
    matches = matched(scene(ONE, detections, rule))
    assert matches.outcome.tolist() == [TP, FP]
    assert matches.object.tolist() == [0, -1]
    assert matches.detection.tolist() == [0]


@pytest.mark.parametrize("rule", ["coco", "voc"])
@pytest.mark.parametrize(
    ("detection", "outcome"),
    [
        (("a", "cat", 0, 0, 10, 5, 0.9), TP),  # IoU 50 / 100
        (("a", "cat", 0, 0, 10, 4.9, 0.9), FP),
        (("a", "dog", 0, 0, 10, 10, 0.9), FP),
        (("b", "cat", 0, 0, 10, 10, 0.9), FP),
    ],
)
def test_class_image_and_overlap_have_to_fit(detection, outcome, rule, scene):
    assert matched(scene(ONE, [detection], rule)).outcome.tolist() == [outcome]


@pytest.mark.parametrize(("rule", "second"), [("coco", TP), ("voc", FP)])
def test_only_coco_goes_on_to_the_next_object_where_the_best_is_taken(rule, second, scene):
    objects = [("a", "cat", 0, 0, 10, 10), ("a", "cat", 0, 2, 10, 10)]
    detections = [("a", "cat", 0, 0, 10, 10, 0.9), ("a", "cat", 0, 0.5, 10, 10, 0.8)]
    assert matched(scene(objects, detections, rule)).outcome.tolist() == [TP, second]


def test_detections_in_a_crowd_or_on_a_difficult_object_are_ignored(scene):
    detections = [("a", "cat", 0, 0, 10, 10, 0.9), ("a", "cat", 1, 1, 9, 9, 0.8)]
    for flag, rule in (("iscrowd", "coco"), ("ignore", "voc")):
        matches = matched(scene([("a", "cat", 0, 0, 10, 10, flag)], detections, rule))
        assert matches.outcome.tolist() == [NO, NO]
        assert matches.detection.tolist() == [-1]


def test_an_object_comes_before_the_crowd_around_it(scene):
    objects = [("a", "cat", 0, 0, 100, 100, "iscrowd"), ("a", "cat", 0, 0, 10, 10)]
    matches = matched(scene(objects, [("a", "cat", 0, 0, 10, 8, 0.5)]))
    assert matches.outcome.tolist() == [TP]
    assert matches.object.tolist() == [1]


def test_voc_matches_as_the_development_kit(random_scene, devkit):
    found = random_scene("ignore", 0.3, rule="voc")
    boxes = box_set(found)
    outcome = match(boxes, overlaps(boxes)).outcome
    names = {TP: "tp", FP: "fp", NO: None}
    compared = []
    for category in (one["id"] for one in found.categories):
        objects: dict = {}
        for one in found.annotations:
            if one["category_id"] == category:
                pair = (pixels(one["bbox"]), bool(one.get("ignore")))
                objects.setdefault(one["image_id"], []).append(pair)
        detections = [
            (one["image_id"], one["score"], pixels(one["bbox"]))
            for one in found.detections
            if one["category_id"] == category
        ]
        label = [one["id"] for one in found.categories].index(category)
        ours = [names[value] for value in outcome[boxes.detections.label == label].tolist()]
        assert ours == devkit.voc(detections, objects)
        compared += ours
    assert {compared.count(kind) > 10 for kind in names.values()} == {True}


def pixels(box):
    """Return the first and last pixels of a box of whole pixels, as the kit has them."""
    x, y, width, height = map(int, box)
    return x, y, x + width - 1, y + height - 1


def test_no_detections_and_no_objects(scene):
    assert matched(scene(ONE, [])).detection.tolist() == [-1]
    assert np.array_equal(matched(scene([], [])).outcome, np.empty(0))
