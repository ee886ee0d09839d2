"""Annotations as columns: equal to what mmdet's class makes of them, and kept until they change."""

import json
import math
import os
import random

import numpy as np
import pytest

pytest.importorskip("mmdet")

from mmresnet.datasets import index_files
from mmresnet.datasets.coco import checks as coco_checks
from mmresnet.datasets.coco import columns as coco_columns
from mmresnet.datasets.coco import dataset as coco
from mmresnet.datasets.coco import file as coco_file
from mmresnet.datasets.coco.columns import cached_classes, read_columns
from mmresnet.datasets.coco.dataset import CocoDataset, DetCocoDataset
from mmresnet.datasets.coco.table import CocoTable
from mmresnet.errors import UserError

CLASSES = ("dog", "cat", "owl")
RUNS = {"size": [40, 30], "counts": [3, 5, 1192]}


class Parsed(CocoDataset):
    """A class with a method of its own, so that it makes the samples as mmdet does."""

    def parse_data_info(self, raw_data_info):
        return super().parse_data_info(raw_data_info)


def odd_content(seed=0, images=40, annotations=300):
    """Annotations as files have them, right and wrong, in no order."""
    draw = random.Random(seed)
    content = {
        "categories": [
            *(
                {"id": 7 * i + 3, "name": name}
                for i, name in enumerate(("owl", "cat", "emu", "dog"))
            ),
        ],
        "annotations": [],
        "images": [
            {"id": i * 11 % 97, "file_name": f"ä{i}.jpg", "width": 40 + i, "height": 30, "x": "},{"}
            for i in range(images)
        ],
    }
    masks = (
        *([[1, 2.5, 3, 4, 5, 6]], [[1, 2, 3, 4, 5, 6], [7.25] * 8], [], [[]], RUNS, None),
        *({"size": [40, 30], "counts": "a}]"}, [["x"]], [1, 2]),
    )
    for number in range(annotations):
        box = [
            draw.uniform(-20, 45),
            draw.randint(-20, 35),
            draw.uniform(-2, 30),
            draw.randint(0, 9),
        ]
        annotation = {
            "id": 5 * number - 100,
            "image_id": draw.choice([draw.choice(content["images"])["id"]] * 9 + [12345]),
            "category_id": draw.choice([3, 10, 17, 24, 24, 99]),
            "bbox": [round(value, 2) for value in box],
        }
        if draw.random() < 0.7:
            annotation["area"] = draw.choice([None, 0, -1, 50, 3.5, 20, 20])
        if draw.random() < 0.7:
            annotation["iscrowd"] = draw.choice([0, 0, 1, True, False])
        if draw.random() < 0.2:
            annotation["ignore"] = draw.choice([0, 1, True, False])
        if draw.random() < 0.7:
            annotation["segmentation"] = draw.choice(masks)
        content["annotations"].append(annotation)
    return content


@pytest.fixture
def write(tmp_path):
    def write(content):
        (tmp_path / "img").mkdir(exist_ok=True)
        for image in content["images"]:
            (tmp_path / "img" / image["file_name"]).touch()
        (tmp_path / "a.json").write_text(json.dumps(content))
        return tmp_path

    return write


def build(root, kind=CocoDataset, **keywords):
    prefix = {"img": str(root / "img"), "seg": "maps"}
    keywords = {"on_bad_sample": "skip", **keywords} if kind is not DetCocoDataset else keywords
    return kind(ann_file=str(root / "a.json"), data_prefix=prefix, **keywords)


def infos(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


SETTINGS = [
    {},
    {"metainfo": {"classes": CLASSES}, "filter_cfg": {"filter_empty_gt": True, "min_size": 30}},
    {"metainfo": {"classes": ("emu",)}, "filter_cfg": {"filter_empty_gt": True}},
    {"filter_cfg": {"min_size": 30}, "serialize_data": False, "return_classes": True},
    {"test_mode": True, "filter_cfg": {"min_size": 99}, "indices": 7},
    {"indices": [3, 0, 5], "return_classes": True, "caption_prompt": {"cat": {"name": "tom"}}},
    {"indices": -4},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_samples_are_those_of_mmdets_parsing(settings, write):
    root = write(odd_content())
    plain, ours = build(root, Parsed, **settings), build(root, **settings)
    assert plain._table is None
    assert ours._table is not None
    assert infos(ours) == infos(plain)
    assert ours.get_data_info(-1) == plain.get_data_info(-1)
    assert (ours.metainfo, ours.cat_ids, ours.cat2label) == (
        *(plain.metainfo, plain.cat_ids, plain.cat2label),
    )
    assert ours.boxes_left_out == plain.boxes_left_out
    if settings.get("serialize_data", True):
        for part in (2, -2, [2, 0, 1]):
            assert infos(ours.get_subset(part)) == infos(plain.get_subset(part))
    else:
        assert ours.data_list == plain.data_list


def test_samples_equal_mmdets(write):
    """mmdet numbers the classes in the order of the file."""
    content = odd_content()
    for annotation in content["annotations"]:
        annotation["area"] = annotation.get("area") or 7
    root = write(content)
    metainfo = {"classes": ("owl", "cat", "emu", "dog")}
    theirs = build(root, DetCocoDataset, metainfo=metainfo, filter_cfg={"filter_empty_gt": True})
    assert infos(build(root, filter_cfg={"filter_empty_gt": True})) == infos(theirs)


def test_boxes_are_sorted_as_from_objects(write):
    for seed in range(5):
        path = write(odd_content(seed)) / "a.json"
        table = CocoTable(read_columns(path), CLASSES)
        content = coco_file.read_coco(path)
        ours, expected = table.boxes(), coco_checks.sort_boxes(content, CLASSES)
        assert ours == expected
        assert list(ours.left_out) == list(expected.left_out)
        for row in range(len(table)):
            assert all(math.isfinite(v) for i in table._instances(row) for v in i["bbox"])


@pytest.mark.parametrize(
    "change",
    [
        lambda content: [i.update(id=f"n{i['id']}") for i in content["images"]],
        lambda content: content["images"][0].update(width=40.5),
        lambda content: content["images"][0].update(id=1 << 70),
        lambda content: content["annotations"][0].update(category_id="dog"),
    ],
    ids=["text", "size", "large", "category"],
)
def test_what_columns_do_not_fit_is_parsed_as_before(change, write):
    content = odd_content()
    change(content)
    root = write(content)
    dataset = build(root)
    assert dataset._table is None
    assert infos(dataset) == infos(build(root, Parsed))


def test_a_box_that_is_not_finite_is_left_out(write):
    """mmdet's class takes it, and the loss is not finite."""
    content = odd_content(annotations=1)
    content["annotations"][0].update(bbox=[1, 2, 3, math.inf], area=9, ignore=0, category_id=3)
    content["annotations"][0]["image_id"] = content["images"][0]["id"]
    root = write(content)
    for kind in (CocoDataset, Parsed):
        dataset = build(root, kind)
        assert [info["instances"] for info in infos(dataset)] == [[]] * 40
        assert list(dataset.boxes_left_out) == [coco_checks.NOT_FINITE]


def test_of_a_key_that_occurs_twice_the_last_counts(write):
    root = write(odd_content())
    text = (root / "a.json").read_text()
    (root / "a.json").write_text('{"annotations": [{"id": 1}], ' + text[1:])
    assert read_columns(root / "a.json") is None
    assert infos(build(root)) == infos(build(root, Parsed))


def test_a_set_without_annotations(write):
    content = odd_content(annotations=0)
    del content["annotations"]
    root = write(content)
    assert len(build(root, test_mode=True)) == 40
    with pytest.raises(UserError, match="no list of annotations"):
        build(root)


def test_a_missing_image_is_noticed_with_the_cache_too(write, cache):
    root = write(odd_content())
    build(root)
    (root / "img" / "ä3.jpg").unlink()
    with pytest.raises(UserError, match=r"1 of the 40 images .*'ä3\.jpg'"):
        build(root)


def test_the_second_start_reads_the_cache_and_a_change_is_seen(write, cache, monkeypatch):
    root = write(odd_content())
    first = infos(build(root))
    assert cached_classes(root / "a.json") == ("owl", "cat", "emu", "dog")
    assert coco_file.read_classes(root / "a.json") == ("owl", "cat", "emu", "dog")
    with monkeypatch.context() as patch:
        patch.setattr(coco_columns, "_parse", None)  # calling it would fail
        assert infos(build(root)) == first
    assert len(list(cache.iterdir())) == 1
    text = (root / "a.json").read_text()
    status = (root / "a.json").stat()
    (root / "a.json").write_text(text.replace('"emu"', '"gnu"'))
    os.utime(root / "a.json", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cached_classes(root / "a.json") is None
    assert build(root).metainfo["classes"] == ("owl", "cat", "gnu", "dog")
    assert len(list(cache.iterdir())) == 1


def test_a_file_just_written_is_not_cached(write, cache, monkeypatch):
    monkeypatch.setattr(index_files, "_RESOLUTION", 10**10)
    build(write(odd_content()))
    assert not cache.exists()


def test_a_copy_shares_the_columns(write):
    dataset = build(write(odd_content()))
    part = dataset.get_subset(5)
    assert np.shares_memory(part._table._box, dataset._table._box)
    assert coco.CocoDataset.get_cat_ids(part, 0) == dataset.get_cat_ids(0)
