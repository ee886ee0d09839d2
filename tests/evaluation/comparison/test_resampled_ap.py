"""AP in resamples: that of faster-coco-eval on the data set with the drawn images copied."""

import copy

import numpy as np
import pytest

from mmresnet.evaluation.comparison.resampled_ap import average_precisions, match_classes

coco_eval = pytest.importorskip("faster_coco_eval")
pytest.importorskip("pycocotools")

CATEGORIES = [{"id": 5, "name": "b"}, {"id": 2, "name": "a"}, {"id": 9, "name": "never"}]


@pytest.fixture(scope="module")
def boxes():
    """Images with objects, crowds, detections near them and anywhere, and some of none."""
    generator = np.random.default_rng(0)
    images, annotations, detections = [], [], []
    for number in range(12):
        images.append({"id": 100 - number, "file_name": f"{number}.jpg"})
        for _ in range(generator.integers(0, 6)):
            box = np.r_[generator.integers(0, 60, 2), generator.integers(10, 40, 2)].astype(float)
            category = int(generator.choice([2, 5]))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": 100 - number,
                    "category_id": category,
                    "bbox": box.tolist(),
                    "area": box[2] * box[3],
                    "iscrowd": int(generator.random() < 0.15),
                }
            )
            for _ in range(generator.integers(0, 3)):
                moved = box + generator.normal(0, 2.5, 4)
                detections.append(detection(generator, 100 - number, category, moved))
        for _ in range(generator.integers(0, 3)):
            box = np.r_[generator.integers(0, 60, 2), generator.integers(10, 40, 2)].astype(float)
            detections.append(detection(generator, 100 - number, 2, box))
    return images, annotations, detections


def detection(generator, image, category, box):
    score = float(generator.random())
    return {"image_id": image, "category_id": category, "bbox": box.tolist(), "score": score}


def reference(images, annotations, detections):
    """Return faster-coco-eval's AP of each category, NaN where it has no objects."""
    truth = coco_eval.COCO({"images": images, "annotations": annotations, "categories": CATEGORIES})
    evaluation = coco_eval.COCOeval_faster(
        truth, truth.loadRes(detections), "bbox", print_function=lambda *_: None
    )
    evaluation.params.maxDets = [1, 10, 100]
    evaluation.run()
    precision = evaluation.eval["precision"][..., 0, -1]  # (T, R, categories by id)
    found = [precision[:, :, kind] for kind in (1, 0, 2)]
    return [one.mean() if (one > -1).all() else np.nan for one in found]


def copies(drawn, images, annotations, detections):
    """Return the data set in which each image stands as often as it was drawn."""
    made = ([], [], [])
    for image, times in zip(images, drawn, strict=True):
        for _ in range(times):
            number = len(made[0]) + 1
            made[0].append({**image, "id": number})
            for target, boxes in zip(made[1:], (annotations, detections), strict=True):
                target += [
                    {**copy.deepcopy(one), "image_id": number, "id": len(target) + 1 + i}
                    for i, one in enumerate(o for o in boxes if o["image_id"] == image["id"])
                ]
    return made


def test_all_images(boxes):
    images, annotations, detections = boxes
    matches = match_classes(images, CATEGORIES, annotations, detections)
    found = average_precisions(matches, np.ones((1, len(images)), int))[0]
    np.testing.assert_allclose(found, reference(*boxes), rtol=1e-9)
    assert np.isnan(found[2])
    assert 0.1 < found[0] < 0.9


def test_resamples(boxes):
    images, annotations, detections = boxes
    matches = match_classes(images, CATEGORIES, annotations, detections)
    drawn = np.random.default_rng(3).multinomial(
        len(images), np.full(len(images), 1 / len(images)), 5
    )
    found = average_precisions(matches, drawn)
    expected = [reference(*copies(row, *boxes)) for row in drawn.tolist()]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_no_detections(boxes):
    images, annotations, _ = boxes
    found = average_precisions(
        match_classes(images, CATEGORIES, annotations, []), np.ones((1, 12), int)
    )
    np.testing.assert_array_equal(found, [[0, 0, np.nan]])
