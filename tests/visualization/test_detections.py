"""Detections beside annotations: what is right, wrong and missed, and the picture of it."""

import json

import numpy as np
import pytest
from PIL import Image

from mmresnet.errors import UserError
from mmresnet.visualization import detections
from mmresnet.visualization.detections import MISSED, RIGHT, WRONG, judge, overlap, plot_detections


def annotation(number, image, category, box, **more):
    return {"id": number, "image_id": image, "category_id": category, "bbox": box, **more}


def found(name, score, box):
    return {"class_id": 0, "name": name, "score": score, "box": box}


@pytest.fixture
def write(tmp_path):
    """``write(objects of each image, annotations)`` returns both files; images are 40×30."""

    def write_files(objects, annotations):
        (tmp_path / "val").mkdir()
        results = []
        for number, own in enumerate(objects, start=1):
            path = tmp_path / "val" / f"{number}.png"
            pixels = np.full((30, 40, 3), 20 * number, np.uint8)
            Image.fromarray(pixels).save(path)
            results.append({"path": str(path), "width": 40, "height": 30, "objects": own})
        content = {
            "images": [
                {"id": n, "file_name": f"{n}.png", "width": 40, "height": 30}
                for n in range(1, len(objects) + 1)
            ],
            "annotations": annotations,
            "categories": [{"id": 7, "name": "cat"}, {"id": 9, "name": "dog"}],
        }
        (tmp_path / "results.json").write_text(json.dumps({"results": results}))
        (tmp_path / "truth.json").write_text(json.dumps(content))
        return tmp_path / "results.json", tmp_path / "truth.json"

    return write_files


def verdicts(scene):
    return [(box.name, box.verdict, box.score) for box in scene.boxes]


def test_overlap_of_worked_boxes():
    assert overlap((0, 0, 4, 4), (2, 0, 6, 4)) == pytest.approx(8 / 24)
    assert overlap((0, 0, 4, 4), (2, 0, 6, 4), of_first=True) == pytest.approx(0.5)
    assert overlap((0, 0, 4, 4), (4, 0, 8, 4)) == 0.0
    assert overlap((0, 0, 4, 4), (0, 0, 4, 4)) == 1.0
    assert overlap((1, 1, 1, 1), (1, 1, 1, 1)) == 0.0


def test_a_box_is_right_by_class_and_place(write):
    files = write(
        [[found("cat", 0.9, [0, 0, 10, 10]), found("cat", 0.8, [20, 0, 30, 10])]],
        [annotation(1, 1, 7, [0, 0, 10, 8]), annotation(2, 1, 9, [20, 0, 10, 10])],
    )
    (scene,) = judge(*files)
    assert verdicts(scene) == [("cat", RIGHT, 0.9), ("cat", WRONG, 0.8), ("dog", MISSED, 1.0)]
    assert scene.boxes[2].corners == (20, 0, 30, 10)
    assert scene.mistakes == 2


def test_an_object_counts_once_for_the_highest_score(write):
    boxes = [found("cat", 0.4, [0, 0, 10, 10]), found("cat", 0.7, [1, 0, 10, 10])]
    (scene,) = judge(*write([boxes], [annotation(1, 1, 7, [0, 0, 10, 10])]))
    assert verdicts(scene) == [("cat", RIGHT, 0.7), ("cat", WRONG, 0.4)]


def test_the_nearest_of_several_objects_is_taken(write):
    truths = [annotation(1, 1, 7, [0, 0, 10, 10]), annotation(2, 1, 7, [2, 0, 10, 10])]
    boxes = [found("cat", 0.9, [2, 0, 12, 10]), found("cat", 0.8, [-3, 0, 7, 10])]
    (scene,) = judge(*write([boxes], truths))
    assert [box.verdict for box in scene.boxes] == [RIGHT, RIGHT]


def test_a_crowd_is_neither_missed_nor_a_mistake(write):
    truths = [annotation(1, 1, 7, [0, 0, 30, 30], iscrowd=1)]
    boxes = [found("cat", 0.9, [5, 5, 9, 9]), found("cat", 0.8, [29, 0, 40, 10])]
    (scene,) = judge(*write([boxes], truths))
    assert verdicts(scene) == [("cat", WRONG, 0.8)]


def test_an_image_is_found_by_the_end_of_its_path(tmp_path, write):
    results, truth = write([[], []], [annotation(1, 1, 7, [0, 0, 10, 10])])
    content = json.loads(truth.read_text())
    content["images"][0]["file_name"] = "val/1.png"  # with its folder, as some tools write it
    content["images"].pop()  # results of images that are not annotated are left out
    truth.write_text(json.dumps(content))
    (scene,) = judge(results, truth)
    assert scene.path.endswith("/val/1.png") and scene.mistakes == 1


@pytest.mark.parametrize("text", ["[]", "{", '{"results": [{"path": "a.png", "labels": []}]}'])
def test_a_file_without_detections_is_refused(tmp_path, write, text):
    results, truth = write([[]], [])
    results.write_text(text)
    with pytest.raises(UserError, match="holds no results of a detector"):
        judge(results, truth)


def test_files_that_do_not_fit_are_refused(tmp_path, write):
    results, truth = write([[]], [])
    with pytest.raises(UserError, match=r"There is no .*none\.json"):
        judge(tmp_path / "none.json", truth)
    results.write_text(json.dumps({"results": [{"path": "other.png", "objects": []}]}))
    with pytest.raises(UserError, match="no image in common"):
        judge(results, truth)


def test_images_with_mistakes_come_first_but_not_alone(write):
    objects = [[found("cat", 0.9, [0, 0, 10, 10])]] * 6
    truths = [annotation(i, i, 7, [0, 0, 10, 10]) for i in (1, 2, 3, 4)]
    truths += [annotation(7, 5, 9, [20, 0, 10, 10])]
    scenes = judge(*write(objects, truths))

    def names(count):
        return [scene.path[-5:-4] for scene in detections._choose(scenes, count)]

    assert names(6) == ["5", "6", "1", "2", "3", "4"]
    assert names(4) == ["5", "6", "1", "3"]
    assert names(2) == ["5", "1"]
    assert names(1) == ["5"]
    assert names(9) == names(6)


def test_with_mistakes_everywhere_all_places_are_filled(write):
    scenes = judge(*write([[], [], []], [annotation(i, i, 7, [0, 0, 9, 9]) for i in (1, 2, 3)]))
    assert len(detections._choose(scenes, 3)) == 3


def test_the_picture_shows_boxes_in_the_colours_of_their_verdicts(tmp_path, write):
    pytest.importorskip("matplotlib")
    objects = [found("cat", 0.9, [2, 2, 14, 14]), found("dog", 0.8, [20, 2, 32, 14])]
    truths = [annotation(1, 1, 7, [2, 2, 12, 12]), annotation(2, 1, 9, [2, 18, 12, 10])]
    scenes = judge(*write([objects], truths))
    assert detections.summary(scenes) == (
        "1 images: 1 of 2 objects found, 1 boxes wrong, 1 objects missed"
    )
    plot_detections(scenes, tmp_path / "new" / "picture.png")
    picture = Image.open(tmp_path / "new" / "picture.png").convert("RGB")
    shown = {colour for _, colour in picture.getcolors(1 << 20)}
    for colour in detections.COLOURS.values():
        assert tuple(bytes.fromhex(colour[1:])) in shown


def test_a_picture_of_no_image_is_refused(tmp_path, write):
    with pytest.raises(UserError, match="at least 1 image, not 0"):
        plot_detections(judge(*write([[]], [])), tmp_path / "picture.png", count=0)
