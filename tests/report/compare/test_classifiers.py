"""Classifiers compared: who is right about which image."""

import numpy as np
import pytest

from mmresnet.datasets.class_scores import ClassScores
from mmresnet.errors import UserError
from mmresnet.report.compare.classifiers import compare, sections
from mmresnet.report.compare.runs import read_runs
from mmresnet.report.images import Images


def test_images_about_which_they_differ(classifier):
    """Image 0 only the second gets right, 1 and 2 only the first; of 3 both are wrong."""
    runs = read_runs([classifier("a", wrong=[0, 3]), classifier("b", wrong=[1, 2, 3])])
    found, images = compare(runs.scores), Images()
    assert found.figures == {"top-1, %": pytest.approx([100 * 28 / 30, 90])}
    significance, classes, disagreements = sections(runs, found, images)
    assert "-3.33" in significance.html
    items = {one["lines"][-1]: one for one in disagreements.data["items"]}
    assert {name: one["tags"]["Right"] for name, one in items.items()} == {
        "cat/00.png": "b",
        "dog/01.png": "a",
        "owl/02.png": "a",
    }
    assert items["cat/00.png"]["lines"][:2] == ["a: dog 0.80", "b: cat 0.80"]
    assert len({one["picture"] for one in items.values()}) == len(images.uris) == 3
    assert classes.html.count("<tr>") == 1 + 3


def test_images_without_labels():
    scores = ClassScores(np.eye(2), ["a", "b"], ["cat", "dog"])
    with pytest.raises(UserError, match="one class for each image"):
        compare([scores, scores])
