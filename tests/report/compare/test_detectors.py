"""Detectors compared: AP, and who finds which object."""

import numpy as np
import pytest

from mmresnet.errors import UserError
from mmresnet.report.compare.detectors import compare, mean_of_classes, sections
from mmresnet.report.compare.runs import read_runs
from mmresnet.report.images import Images


def test_objects_that_one_finds(detector):
    """In image 0 a misses the cat, in image 1 b both; the false positive is in image 0."""
    runs = read_runs([detector("a", missed=[0]), detector("b", missed=[2, 3])])
    found, images = compare(runs.detections), Images()
    significance, classes, disagreements = sections(runs, found, images)
    assert found.pairs[0].difference.value == pytest.approx(
        (found.figures["AP, %"][1] - found.figures["AP, %"][0]) / 100
    )
    items = disagreements.data["items"]
    assert [(one["title"], one["tags"]["Fewest mistakes"]) for one in items] == [
        ("1.png", "a"),
        ("0.png", "b"),
    ]
    assert items[0]["lines"] == [
        "a: 2 of 2 found, 0 false positives",
        "b: 0 of 2 found, 0 false positives",
    ]
    assert items[1]["lines"][0] == "a: 1 of 2 found, 1 false positives"
    assert len(images.uris) == 2
    assert "2,000 resamples, seed 0" in significance.html
    assert "cat" in classes.html


def test_three_runs(detector):
    runs = read_runs([detector("a"), detector("b", missed=range(9)), detector("c")])
    found = compare(runs.detections)
    assert len(found.pairs) == 3
    assert found.pairs[0].difference.high < 0
    assert found.pairs[1].p == 1
    html = "".join(section.html for section in sections(runs, found, Images()))
    assert "Holm" in html
    assert "by several, but not all" in html


def test_no_boxes(detector):
    runs = read_runs([detector("a"), detector("b")])
    for one in runs.detections:
        one.annotations.clear()
    with pytest.raises(UserError, match="no true boxes"):
        compare(runs.detections)


def test_mean_of_classes():
    values = np.array([[0.25, np.nan, 0.75], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(mean_of_classes(values), [0.5, np.nan])
