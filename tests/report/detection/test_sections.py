"""The sections about a detector: which there are, their figures, and that nothing breaks them."""

import json
import re

import pytest

from mmresnet.report.detection import sections
from mmresnet.report.html import script_json
from mmresnet.report.images import Images
from mmresnet.report.run import Run

NAMES = ["detection", "worst-images", "detection-errors", "detection-confusion"]
NAMES += ["precision-recall", "score-threshold"]
CAT = ("a.png", "cat", 5, 5, 20, 20)


def of(run):
    return {one.name: one for one in sections(run, Images())}


def rows(html):
    """Return the cells of a table, by the first one."""
    lines = re.findall(r"<tr>(<td.*?)</tr>", html)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in lines]
    return {line[0]: line[1:] for line in cells}


def test_a_classifier_has_none(make_run):
    assert sections(Run(make_run()), Images()) == []


def test_average_precision_of_each_class(mixed_run):
    found = of(mixed_run)
    assert list(found) == NAMES
    table = rows(found["detection"].html)
    # one of three cats is found: 34 of 101 recalls are reached; the dog comes before the mistakes
    assert table["cat"] == ["3", *["0.337"] * 3, "0.337", "–", "–"]
    assert table["dog"] == ["1", *["1"] * 4, "–", "–"]
    assert table["all classes"][:2] == ["4", "0.668"]
    assert "the test set" in found["detection"].html


def test_curves_and_thresholds(mixed_run):
    found = of(mixed_run)
    curves = found["precision-recall"].data
    assert list(curves["plots"]) == ["IoU 0.50", "IoU 0.75"]
    cat, dog, mean = curves["plots"]["IoU 0.50"]
    assert (cat[33], cat[34], dog[100], mean[33], mean[34]) == (1, 0, 1, 1, 0.5)
    # both cats and dogs are found at 0.9, the wrong dogs are below: 2 of 2, 2 of 4
    table = rows(found["score-threshold"].html)
    assert table["all classes"] == ["4", "0.88", "1", "0.5", "0.667"]
    assert table["dog"] == ["1", "0.88", "1", "1", "1"]
    assert "at least 0.88: precision 1.000, recall 0.500" in found["score-threshold"].html
    assert "mmresnet infer" in found["score-threshold"].html
    assert "--score-thr 0.88" in found["score-threshold"].html


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("objects", "detections"),
    [
        ([CAT], []),
        ([CAT], [("a.png", "dog", 30, 5, 20, 20, 0.5)]),
        ([(*CAT, "iscrowd"), ("b.png", "dog", 1, 1, 9, 9)], [(*CAT, 0.5)]),
        ([("a.png", "cat", 5, 5, 0, 0)], [("a.png", "cat", 5, 5, 0, 0, 0.5)]),
        ([CAT], [("a.png", "cat", 500, 500, 20, 20, 0.5)]),  # beside the image
        ([CAT], [("a.png", "cat", -1e9, -1e9, 2e9, 2e9, 0.5)]),
        ([CAT], [("a.png", "cat", float("nan"), 0, 5, 5, 0.5)]),
    ],
)
def test_odd_sets(objects, detections, write_run):
    found = of(write_run(objects, detections))
    assert list(found) == NAMES
    for one in found.values():
        json.loads(script_json(one.data))


@pytest.mark.parametrize("objects", [[], [(*CAT, "iscrowd")]])
def test_without_objects_there_is_nothing_to_compare_with(objects, write_run):
    found = of(write_run(objects, [(*CAT, 0.5)]))
    assert list(found) == ["detection"]
    assert "no annotated boxes" in found["detection"].html


def test_images_of_one_pixel(write_run):
    box = ("a.png", "cat", 0, 0, 1, 1)
    found = of(write_run([box], [(*box, 0.5), ("b.png", "cat", 0, 0, 1, 1, 0.9)], size=(1, 1)))
    assert list(found) == NAMES
    assert found["worst-images"].data["items"][0]["title"] == "b.png"


def test_images_that_are_gone_have_no_pictures(mixed_run):
    for path in mixed_run.folder.glob("*.png"):
        path.unlink()
    items = of(mixed_run)["worst-images"].data["items"]
    assert [one["picture"] for one in items] == [None] * 2


def test_vocs_difficult_objects_do_not_count(write_run):
    objects = [CAT, ("a.png", "cat", 30, 5, 20, 20, "ignore")]
    detections = [(*CAT, 0.9), ("a.png", "cat", 30, 5, 20, 20, 0.8)]
    found = of(write_run(objects, detections, rule="voc"))
    assert rows(found["detection"].html)["cat"][:2] == ["1", "1"]
    assert found["worst-images"].data["items"] == []
    assert "Difficult objects" in found["detection"].html


def test_names_of_classes_are_escaped(write_run):
    name = "<script>alert(1)</script>"
    found = of(write_run([("a.png", name, 5, 5, 20, 20)], [], classes=(name, "dog")))
    for one in found.values():
        assert "<script>alert" not in one.html
