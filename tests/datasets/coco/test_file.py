"""Reading annotation files, and the error messages."""

import json

import pytest

from mmresnet.datasets.coco import file as coco_file
from mmresnet.errors import UserError

IMAGE = {"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}
BOX = {"id": 1, "image_id": 1, "category_id": 5, "bbox": [10, 10, 20, 20]}


def content(images=(IMAGE,), annotations=(BOX,), categories=({"id": 5, "name": "cat"},)):
    return {
        "images": list(images),
        "annotations": list(annotations),
        "categories": list(categories),
    }


def write(path, **parts):
    path.write_text(json.dumps(content(**parts)))
    return path


def test_omitted_fields_are_filled_in(tmp_path):
    read = coco_file.read_coco(write(tmp_path / "a.json"))
    assert read["annotations"] == [{**BOX, "iscrowd": 0, "area": 400}]


def test_a_file_without_annotations(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"images": [IMAGE], "categories": [{"id": 5, "name": "cat"}]}))
    assert coco_file.read_coco(path, annotated=False)["annotations"] == []
    with pytest.raises(UserError, match=r"no list of annotations \(it has images, categories\)"):
        coco_file.read_coco(path)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"annotations": [{**BOX, "bbox": [1, 2, 3]}]}, r"annotation 1 has bbox=\[1, 2, 3\]"),
        ({"annotations": [{**BOX, "bbox": [1, 2, 3, "4"]}]}, "width, height"),
        ({"annotations": [{"id": 1}]}, r"annotations\[0\] has no image_id and no category_id"),
        ({"annotations": [BOX, BOX]}, "the id 1 occurs twice in annotations"),
        ({"images": [IMAGE, IMAGE]}, "the id 1 occurs twice in images"),
        ({"images": [{"id": 1, "file_name": "a"}]}, r"images\[0\] has no width and no height"),
        ({"images": ["a.jpg"]}, r"images\[0\] has no id"),
        ({"categories": []}, "no categories"),
        (
            {"categories": [{"id": 5, "name": "cat"}, {"id": 6, "name": "cat"}]},
            "2 categories named 'cat'",
        ),
    ],
)
def test_invalid_content(parts, message, tmp_path):
    with pytest.raises(UserError, match=message):
        coco_file.read_coco(write(tmp_path / "a.json", **parts))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"no annotation file .*instances_train2017\.json"):
        coco_file.read_coco(tmp_path / "none.json")
    with pytest.raises(UserError, match="is a folder"):
        coco_file.read_coco(tmp_path)
    (tmp_path / "image.json").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(UserError, match="is not text"):
        coco_file.read_coco(tmp_path / "image.json")
    (tmp_path / "cut.json").write_text('{"images": [\n1, 2')
    with pytest.raises(UserError, match="line 2, column 5"):
        coco_file.read_coco(tmp_path / "cut.json")


def test_classes_are_read_without_the_rest(tmp_path, monkeypatch):
    names = [f"class {i} ä" for i in range(4000)]  # longer than the first part that is parsed
    categories = [{"id": i, "name": name} for i, name in enumerate(names)]
    path = write(tmp_path / "a.json", categories=categories)

    def fail(*args, **keywords):
        raise AssertionError("the whole file was parsed")

    with monkeypatch.context() as patch:
        patch.setattr(coco_file, "read_coco", fail)
        assert coco_file.read_classes(path) == tuple(names)


@pytest.mark.parametrize("where", ["info", "images"])
def test_classes_where_the_key_occurs_twice(where, tmp_path):
    whole = content()
    if where == "info":
        whole = {"info": {"categories": [{"id": 1, "name": "not this"}]}, **whole}
    else:
        whole["images"][0] = {**IMAGE, "categories": ["not this"]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(whole))
    assert coco_file.read_classes(path) == ("cat",)


def test_classes_of_a_broken_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"categories": [{"id": 1, "na')
    with pytest.raises(UserError, match="is not valid JSON"):
        coco_file.read_classes(path)
