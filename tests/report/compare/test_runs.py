"""Runs to compare: aligned by image, and refused where they do not fit together."""

import shutil

import pytest

from mmresnet.errors import UserError
from mmresnet.report.compare.runs import read_runs


def test_classifiers_in_another_order(classifier):
    runs = read_runs([classifier("a"), classifier("b", wrong=[4], order=range(29, -1, -1))])
    assert (runs.names, runs.split) == (["a", "b"], "test")
    first, second = runs.scores
    assert first.images == second.images
    differ = (first.scores != second.scores).any(axis=1)
    assert first.images[int(differ.argmax())] == "dog/04.png"
    assert differ.sum() == 1


def test_the_split_that_all_have(classifier):
    one, other = classifier("a", split="val"), classifier("b", split="val")
    shutil.copy(other / "predictions" / "val.npz", other / "predictions" / "test.npz")
    assert read_runs([one, other]).split == "val"
    assert read_runs([one, other], split="test").split is None


def test_detectors_with_other_ids(detector):
    kinds = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    runs = read_runs([detector("a"), detector("b", ids=range(50, 60), categories=kinds)])
    first, second = runs.detections
    assert first.detections == second.detections


def test_equal_names(classifier, tmp_path):
    runs = read_runs([classifier("x/run"), classifier("y/run")])
    assert runs.names == [str(tmp_path / "x/run"), str(tmp_path / "y/run")]


@pytest.mark.parametrize("count", [1, 2])
def test_not_two_runs(classifier, count):
    with pytest.raises(UserError, match="two or more different runs"):
        read_runs([classifier("a")] * count)


def test_other_data(classifier, detector):
    folder = classifier("a")
    for other, message in (
        (classifier("b", order=range(20)), "30 and 20 images"),
        (classifier("c", classes=["cat", "dog", "bat"]), "class 2 is 'owl' and 'bat'"),
        (detector("d"), "'a' is a classifier and 'd' a detector"),
    ):
        with pytest.raises(UserError, match=message):
            read_runs([folder, other])


def test_other_boxes(detector):
    folder = detector("a")
    kinds = [{"id": 3, "name": "cat"}, {"id": 8, "name": "bat"}]
    for other, message in (
        (detector("b", moved=5), r"other true boxes, 20 and 20 \(a difference is in '0.png'\)"),
        (detector("c", categories=kinds), "other classes: 2 and 2, and 'dog' is not in both"),
    ):
        with pytest.raises(UserError, match=message):
            read_runs([folder, other])
