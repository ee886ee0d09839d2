"""CocoDataset: classes, labels, and what it shares with mmdet's."""

import json
import shutil

import pytest

pytest.importorskip("mmdet")

from mmresnet.datasets.coco import dataset as coco
from mmresnet.datasets.coco.dataset import CocoDataset, DetCocoDataset
from mmresnet.errors import UserError


def build(root, split="train2017", kind=CocoDataset, **keywords):
    return kind(
        data_root=str(root),
        ann_file=f"annotations/instances_{split}.json",
        data_prefix={"img": f"{split}/"},
        **keywords,
    )


def all_data(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def test_classes_are_those_of_the_file(tiny_coco):
    dataset = build(tiny_coco)
    assert dataset.metainfo["classes"] == ("cat", "dog", "owl")
    assert "palette" not in dataset.metainfo
    labels = {i["bbox_label"] for data in all_data(dataset) for i in data["instances"]}
    assert labels == {0, 1, 2}


@pytest.mark.parametrize("filtering", [None, {"filter_empty_gt": True, "min_size": 32}])
@pytest.mark.parametrize("test_mode", [False, True])
def test_data_equal_mmdets(filtering, test_mode, tiny_coco):
    keywords = dict(filter_cfg=filtering, test_mode=test_mode)
    theirs = build(
        tiny_coco, kind=DetCocoDataset, metainfo={"classes": ("cat", "dog", "owl")}, **keywords
    )
    assert all_data(build(tiny_coco, **keywords)) == all_data(theirs)


def test_labels_are_indices_of_the_given_classes(tiny_coco):
    """mmdet's class numbers them in the order of the file."""
    dataset = build(tiny_coco, metainfo={"classes": ("owl", "cat")})
    assert dataset.cat_ids == [11, 7]
    by_file = {7: "cat", 9: "dog", 11: "owl"}
    path = tiny_coco / "annotations" / "instances_train2017.json"
    annotations = json.loads(path.read_text())["annotations"]
    expected = [by_file[a["category_id"]] for a in annotations if a["category_id"] != 9]
    found = [i["bbox_label"] for data in all_data(dataset) for i in data["instances"]]
    assert [("owl", "cat")[label] for label in found] == expected


def test_a_single_class_without_its_comma(tiny_coco):
    assert build(tiny_coco, metainfo={"classes": ("dog")}).metainfo["classes"] == ("dog",)


def test_cocos_classes_keep_their_palette(tiny_coco, tmp_path):
    root = shutil.copytree(tiny_coco, tmp_path / "data")
    path = root / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    names = DetCocoDataset.METAINFO["classes"]
    content["categories"] = [{"id": i, "name": name} for i, name in enumerate(names, start=1)]
    path.write_text(json.dumps(content))
    assert build(root).metainfo["palette"] == DetCocoDataset.METAINFO["palette"]


def test_classes_that_the_file_does_not_have(tiny_coco):
    with pytest.raises(UserError, match=r"metainfo.classes names 'cta'.* mean 'cat'\?"):
        build(tiny_coco, metainfo={"classes": ("cta",)})


def test_no_image_is_left(tiny_coco):
    with pytest.raises(UserError, match=r"lists 6 images, and filter_cfg=.* leaves none"):
        build(tiny_coco, filter_cfg={"min_size": 100})


def test_the_file_is_parsed_once(tiny_coco, monkeypatch):
    calls = []
    read = coco.read_columns
    monkeypatch.setattr(coco, "read_columns", lambda *a: calls.append(a) or read(*a))
    dataset = build(tiny_coco, lazy_init=True)
    assert calls == []
    dataset.full_init()
    dataset.full_init()
    assert len(calls) == 1
    assert dataset.get_cat_ids(0) == [0, 1, 2]
