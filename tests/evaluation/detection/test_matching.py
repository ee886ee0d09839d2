"""Matching of detections with annotations: true and false positives, false negatives, crowds."""

import json

import pytest

pytest.importorskip("pycocotools")

from mmresnet.errors import UserError
from mmresnet.evaluation.detection.matching import Outcome, match, summary

TP, FP, FN = Outcome
CAT, DOG = {"id": 7, "name": "cat"}, {"id": 9, "name": "dog"}


def annotation(category, box, **more):
    return {"category_id": category["id"], "bbox": box, **more}


def detection(name, score, box):
    return {"class_id": 0, "name": name, "score": score, "box": box}


@pytest.fixture
def write(tmp_path):
    """``write(objects, annotations)`` of one image returns the paths of both files."""

    def write_files(objects, annotations):
        results = [{"path": "data/val/1.png", "objects": objects}]
        annotations = [{"id": i, "image_id": 1, **one} for i, one in enumerate(annotations)]
        images = [{"id": 1, "file_name": "1.png", "width": 40, "height": 30}]
        content = {"images": images, "annotations": annotations, "categories": [CAT, DOG]}
        (tmp_path / "results.json").write_text(json.dumps({"results": results}))
        (tmp_path / "annotations.json").write_text(json.dumps(content))
        return tmp_path / "results.json", tmp_path / "annotations.json"

    return write_files


def outcomes(scene):
    return [(box.name, box.outcome, box.score) for box in scene.boxes]


def test_a_true_positive_has_the_class_and_the_place_of_an_object(write):
    boxes = [detection("cat", 0.9, [0, 0, 10, 10]), detection("cat", 0.8, [20, 0, 30, 10])]
    truths = [annotation(CAT, [0, 0, 10, 8]), annotation(DOG, [20, 0, 10, 10])]
    (scene,) = match(*write(boxes, truths))
    assert outcomes(scene) == [("cat", TP, 0.9), ("cat", FP, 0.8), ("dog", FN, 1.0)]
    assert scene.boxes[0].corners == (0, 0, 10, 10)
    assert scene.boxes[2].corners == (20, 0, 30, 10)
    assert scene.mistakes == 2
    assert summary([scene, scene]) == (
        "2 images: 2 of 4 objects found, 2 false positives, 2 false negatives"
    )


@pytest.mark.parametrize(
    ("box", "outcome"),
    [
        ([0, 0, 10, 5], TP),  # IoU 50 / 100
        ([0, 0, 10, 4], FP),
        ([0, 0, 20, 10], TP),  # IoU 100 / 200
        ([0, 0, 21, 10], FP),
        ([10, 0, 20, 10], FP),  # touches only
        ([5, 5, 5, 5], FP),  # no area
    ],
)
def test_the_threshold_is_an_iou_of_one_half(box, outcome, write):
    (scene,) = match(*write([detection("cat", 0.9, box)], [annotation(CAT, [0, 0, 10, 10])]))
    assert scene.boxes[0].outcome == outcome


def test_an_object_is_matched_once_with_the_highest_score(write):
    boxes = [detection("cat", 0.4, [0, 0, 10, 10]), detection("cat", 0.7, [1, 0, 10, 10])]
    (scene,) = match(*write(boxes, [annotation(CAT, [0, 0, 10, 10])]))
    assert outcomes(scene) == [("cat", TP, 0.7), ("cat", FP, 0.4)]


def test_the_object_with_the_highest_iou_is_matched(write):
    truths = [annotation(CAT, [0, 0, 10, 10]), annotation(CAT, [2, 0, 10, 10])]
    boxes = [detection("cat", 0.9, [2, 0, 12, 10]), detection("cat", 0.8, [-3, 0, 7, 10])]
    (scene,) = match(*write(boxes, truths))
    assert [box.outcome for box in scene.boxes] == [TP, TP]


def test_crowds_are_no_false_negatives_and_detections_within_are_ignored(write):
    truths = [annotation(CAT, [0, 0, 30, 30], iscrowd=1)]
    boxes = [detection("cat", 0.9, [5, 5, 9, 9]), detection("cat", 0.8, [29, 0, 40, 10])]
    (scene,) = match(*write(boxes, truths))
    assert outcomes(scene) == [("cat", FP, 0.8)]


def test_an_image_is_identified_by_the_end_of_its_path(write):
    results, annotations = write([], [annotation(CAT, [0, 0, 10, 10])])
    # results of images without annotations are left out
    both = [{"path": f"data/val/{number}.png", "objects": []} for number in (2, 1)]
    results.write_text(json.dumps({"results": both}))
    # file names with their folders, as some tools write them
    annotations.write_text(annotations.read_text().replace("1.png", "val/1.png"))
    (scene,) = match(results, annotations)
    assert (scene.path, scene.mistakes) == ("data/val/1.png", 1)


@pytest.mark.parametrize("text", ["[]", "{", '{"results": [{"path": "a.png", "labels": []}]}'])
def test_a_file_without_detections_is_refused(write, text):
    results, annotations = write([], [])
    results.write_text(text)
    with pytest.raises(UserError, match="does not hold a detector's results"):
        match(results, annotations)


def test_missing_files_and_files_of_other_images_are_refused(tmp_path, write):
    results, annotations = write([], [])
    with pytest.raises(UserError, match=r"There is no file .*none\.json"):
        match(tmp_path / "none.json", annotations)
    results.write_text(json.dumps({"results": [{"path": "other.png", "objects": []}]}))
    with pytest.raises(UserError, match="no image in common"):
        match(results, annotations)
