"""Checks of annotations against classes and images."""

import pytest

from mmresnet.datasets.coco import checks as coco_checks
from mmresnet.errors import UserError

IMAGE = {"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}
BOX = {"id": 1, "image_id": 1, "category_id": 5, "bbox": [10, 10, 20, 20]}


@pytest.mark.parametrize(
    ("box", "area", "reason"),
    [
        ([10, 10, 20, 20], 400, None),
        ([-5, -5, 20, 20], 400, None),
        ([10, 10, 0, 20], 0, "of zero or negative size"),
        ([10, 10, -3, 20], 60, "of zero or negative size"),
        ([100, 10, 20, 20], 400, "outside of their image"),
        ([10, -20, 20, 20], 400, "outside of their image"),
        ([10, 10, 0.5, 20], 10, "narrower than a pixel"),
        ([10, 10, 20, 20], 0, "with an area of zero or less"),
        ([10, float("nan"), 20, 20], 1, "with a coordinate that is not finite"),
    ],
)
def test_why_a_box_is_skipped(box, area, reason):
    assert coco_checks.skip_reason({"bbox": box, "area": area}, 100, 50) == reason


def test_summary():
    boxes = [
        {**BOX, "id": 1, "area": 400},
        {**BOX, "id": 2, "area": 0, "bbox": [0, 0, 0, 9]},
        {**BOX, "id": 3, "area": 0, "bbox": [0, 0, -1, 9]},
        {**BOX, "id": 4, "area": 400, "image_id": 77},
        {**BOX, "id": 5, "area": 400, "category_id": 77},
        {**BOX, "id": 6, "area": 400, "category_id": 6},
    ]
    categories = [{"id": i, "name": name} for i, name in ((5, "cat"), (6, "dog"), (7, "owl"))]
    content = {"images": [IMAGE], "annotations": boxes, "categories": categories}
    classes = ("cat", "owl")
    sorted_boxes = coco_checks.sort_boxes(content, classes)
    lines = coco_checks.summarize("a.json", len(content["images"]), classes, sorted_boxes)
    assert lines == [
        "'a.json': 1 images, 1 boxes of 2 classes.",
        "'a.json': 2 boxes of zero or negative size are left out (the first: annotation 2 of "
        "'a.jpg').",
        "'a.json': 2 annotations of an image or a category that the file does not list are left "
        "out.",
        "'a.json': no boxes of 'owl'.",
    ]


def test_boxes_outside_are_refused():
    boxes = [BOX | {"id": i, "area": 400, "bbox": [x, 0, 20, 20]} for i, x in enumerate((0, 100))]
    content = {"images": [IMAGE], "annotations": boxes, "categories": [{"id": 5, "name": "cat"}]}
    found = coco_checks.sort_boxes(content, ["cat"])
    assert found.left_out == {coco_checks.OUTSIDE: [(1, "a.jpg")]}
    with pytest.raises(
        UserError, match=r"'a\.json': 1 box lies outside .* annotation 1 of 'a\.jpg'"
    ):
        coco_checks.check_boxes("a.json", found)
    coco_checks.check_boxes("a.json", coco_checks.sort_boxes(content, ["dog"]))


def test_missing_images_in_subfolders(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("a.jpg", "deep/b.jpg"):
        (tmp_path / name).touch()
    names = ["a.jpg", "b.jpg", "deep/b.jpg", "no/c.jpg"]
    assert coco_checks.missing_images(names, tmp_path) == ["b.jpg", "no/c.jpg"]
    with pytest.raises(UserError, match=r"2 of the 4 images .*'b\.jpg'"):
        coco_checks.check_images("a.json", names, tmp_path)


def test_class_names():
    assert coco_checks.class_names(["cat", "dog"]) == ("cat", "dog")
    assert coco_checks.class_names("cat, dog") == ("cat", "dog")
    assert coco_checks.class_names("traffic light") == ("traffic light",)


def test_quoted_names():
    assert coco_checks.quoted("abc") == "'a', 'b', 'c'"
    assert coco_checks.quoted("abcdefgh") == "'a', 'b', 'c', 'd', 'e' … (8 in all)"
    assert coco_checks.quoted("") == "nothing"
