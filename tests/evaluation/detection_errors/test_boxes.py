"""Boxes as columns: order, what is ignored, what is left out, which overlap."""

import numpy as np
import pytest

from mmresnet.evaluation.detection_errors.boxes import box_set, overlaps, rank_in_group


def test_detections_are_sorted_and_labels_are_the_places_of_categories(scene):
    objects = [("a", "owl", 0, 0, 10, 10), ("b", "cat", 1, 2, 3, 4)]
    boxes = box_set(scene(objects, [("b", "dog", 0, 0, 5, 5, 0.2), ("a", "cat", 0, 0, 5, 5, 0.8)]))
    assert boxes.classes == ("cat", "dog", "owl")
    assert boxes.objects.label.tolist() == [2, 0]
    assert boxes.objects.corners.tolist() == [[0, 0, 10, 10], [1, 2, 4, 6]]
    assert boxes.detections.score.tolist() == [0.8, 0.2]
    assert boxes.detections.label.tolist() == [0, 1]
    assert boxes.detections.image.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("flag", "rule", "positives"),
    [("iscrowd", "coco", 1), ("ignore", "coco", 2), ("iscrowd", "voc", 1), ("ignore", "voc", 1)],
)
def test_what_counts_neither_way_is_what_the_evaluation_ignores(flag, rule, positives, scene):
    objects = [("a", "cat", 0, 0, 10, 10), ("a", "cat", 20, 20, 10, 10, flag)]
    assert box_set(scene(objects, [], rule)).positives.tolist() == [positives, 0, 0]


def test_annotations_of_categories_that_are_not_evaluated_are_left_out(scene):
    found = scene([("a", "cat", 0, 0, 10, 10)], [])
    found.annotations.append({**found.annotations[0], "category_id": 99})
    assert len(box_set(found).objects) == 1


@pytest.mark.parametrize(("rule", "kept"), [("coco", 100 + 1), ("voc", 120 + 1)])
def test_coco_evaluates_the_best_hundred_of_a_class_in_an_image(rule, kept, scene):
    detections = [("a", "cat", 0, 0, 5, 5, n / 1000) for n in range(120)]
    boxes = box_set(scene([], [*detections, ("b", "cat", 0, 0, 5, 5, 0.0001)], rule))
    assert len(boxes.detections) == kept
    assert boxes.detections.score[0] == 0.119
    assert boxes.detections.image[-1] == (1 if rule == "coco" else 0)


def test_pairs_of_the_same_image_overlap_the_best_first(scene):
    objects = [("a", "cat", 0, 0, 10, 10), ("a", "dog", 0, 0, 10, 5), ("b", "cat", 0, 0, 10, 10)]
    boxes = box_set(scene(objects, [("a", "owl", 0, 0, 10, 4, 0.5), ("c", "cat", 0, 0, 9, 9, 0.9)]))
    pairs = overlaps(boxes)
    assert pairs.detection.tolist() == [1, 1]
    assert pairs.object.tolist() == [1, 0]
    assert pairs.iou.tolist() == [0.8, 0.4]
    iou, which = pairs.best(2)
    assert (iou.tolist(), which.tolist()) == ([0, 0.8], [-1, 1])


def test_a_crowd_is_compared_with_the_area_of_the_detection(scene):
    objects = [("a", "cat", 0, 0, 100, 100, "iscrowd")]
    pairs = overlaps(box_set(scene(objects, [("a", "cat", 95, 0, 10, 10, 0.5)])))
    assert pairs.iou.tolist() == [0.5]


def test_boxes_without_area_overlap_nothing(scene):
    boxes = box_set(scene([("a", "cat", 5, 5, 0, 0)], [("a", "cat", 5, 5, 0, 0, 0.5)]))
    assert len(overlaps(boxes).iou) == 0


def test_no_boxes_at_all(scene):
    boxes = box_set(scene([], []))
    assert boxes.positives.tolist() == [0, 0, 0]
    assert len(overlaps(boxes).iou) == 0
    assert boxes.objects.corners.shape == (0, 4)


def test_ranks_count_within_each_group():
    ranks = rank_in_group(np.array([5, 3, 5, 5, 3]))
    assert ranks.tolist() == [0, 0, 1, 2, 1]
    assert rank_in_group(np.array([], dtype=int)).tolist() == []
