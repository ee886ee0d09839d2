"""COCO's average precision by class and size."""

import numpy as np
import pytest

from mmresnet.evaluation.detection_errors.boxes import box_set, overlaps
from mmresnet.evaluation.detection_errors.by_size import by_size
from mmresnet.evaluation.detection_errors.curves import precisions
from mmresnet.evaluation.detection_errors.matching import match

pytest.importorskip("faster_coco_eval")


def test_small_medium_and_large_objects(scene):
    """A small cat is found with an IoU of 0.84, a large one is missed; the medium dog is found."""
    objects = [
        ("a", "cat", 0, 0, 10, 25),
        ("a", "cat", 50, 50, 100, 100),
        ("a", "dog", 0, 30, 40, 40),
    ]
    detections = [("a", "cat", 0, 0, 10, 21, 0.9), ("a", "dog", 0, 30, 40, 40, 0.8)]
    cat, dog, owl, every = by_size(scene(objects, detections)).tolist()
    half = 51 / 101  # a recall of 1/2 is 51 of 101 samples
    assert cat[:3] == pytest.approx([half * 0.7, half, half])  # IoUs 0.50 to 0.80, 7 of 10
    assert cat[3] == pytest.approx(0.7)
    assert np.isnan(cat[4])
    assert cat[5] == 0
    assert dog[:3] == pytest.approx([1, 1, 1])
    assert np.isnan(owl).all()
    assert every[1] == pytest.approx((half + 1) / 2)


@pytest.mark.parametrize("share", [0, 0.3])
def test_our_curves_have_the_same_area(share, random_scene):
    found = random_scene("iscrowd", share)
    boxes, sizes = box_set(found), by_size(found)
    pairs = overlaps(boxes)
    for iou, column in ((0.5, 1), (0.75, 2)):
        curves = precisions(boxes, match(boxes, pairs, iou))
        assert curves.mean(axis=1) == pytest.approx(sizes[:-1, column], abs=1e-12)
        assert curves.mean() == pytest.approx(sizes[-1, column], abs=1e-12)


@pytest.mark.parametrize(("rule", "precision"), [("voc", 1), ("coco", 51 / 101)])
def test_difficult_objects_do_not_count_by_vocs_rule(rule, precision, scene):
    objects = [("a", "cat", 0, 0, 10, 10), ("a", "cat", 50, 50, 10, 10, "ignore")]
    sizes = by_size(scene(objects, [("a", "cat", 0, 0, 10, 10, 0.9)], rule))
    assert sizes[0, 1] == pytest.approx(precision)


def test_the_lists_stay_as_they_are(scene):
    found = scene([("a", "cat", 0, 0, 10, 10)], [("a", "cat", 0, 0, 10, 10, 0.9)])
    before = repr(found)
    by_size(found)
    assert repr(found) == before


@pytest.mark.filterwarnings("error")
def test_without_detections_it_is_zero_and_without_objects_unknown(scene):
    cat = ("a", "cat", 0, 0, 10, 10)
    assert by_size(scene([cat], []))[0, :4].tolist() == [0, 0, 0, 0]
    assert np.isnan(by_size(scene([], [(*cat, 0.5)]))).all()
    assert np.isnan(by_size(scene([], []))).all()
