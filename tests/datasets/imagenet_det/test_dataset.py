"""ImageNetDET: names and order of the classes, and coordinates that begin at 0."""

import pytest
from voc_folders import write_image, write_xml

from mmresnet.datasets.imagenet_det.classes import CLASSES
from mmresnet.datasets.imagenet_det.dataset import ImageNetDET
from mmresnet.errors import UserError


@pytest.fixture
def ilsvrc(tmp_path):
    """The layout of ILSVRC: two images to train on and one without objects, one to validate."""
    root = tmp_path / "ILSVRC"
    train = {
        "ILSVRC2013_train/n02084071/n02084071_1": [("n02084071", 0, 0, 79, 63, None)],
        "ILSVRC2014_train_0006/ILSVRC2014_train_00060036": [("n02391049", 10, 20, 19, 29, None)],
        "ILSVRC2013_train_extra0/ILSVRC2013_train_00000001": [],
    }
    val = {"ILSVRC2012_val_00000001": [("n02672831", 0, 0, 4, 4, None)]}
    for part, objects in (("train", train), ("val", val)):
        for name, found in objects.items():
            write_image(root / "Data" / "DET" / part / f"{name}.JPEG")
            write_xml(root / "Annotations" / "DET" / part / f"{name}.xml", found)
    lists = root / "ImageSets" / "DET"
    lists.mkdir(parents=True)
    (lists / "val2.txt").write_text("ILSVRC2012_val_00000001 1\n")
    return root


def build(root, part, **keywords):
    prefix = {"img": f"Data/DET/{part}", "ann": f"Annotations/DET/{part}"}
    return ImageNetDET(data_root=str(root), data_prefix=prefix, **keywords)


def test_positive_images_are_trained_on(ilsvrc):
    dataset = build(ilsvrc, "train", filter_cfg={"filter_empty_gt": True})
    assert dataset.metainfo["classes"] == CLASSES
    data = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [one["img_id"].rpartition("/")[2] for one in data] == [
        *("n02084071_1", "ILSVRC2014_train_00060036"),
    ]
    (dog,), (zebra,) = (one["instances"] for one in data)
    assert (dog["bbox"], dog["bbox_label"]) == ([0, 0, 80, 64], CLASSES.index("dog"))
    assert (zebra["bbox"], zebra["bbox_label"]) == ([10, 20, 20, 30], 199)
    assert data[0]["img_path"].endswith("/ILSVRC2013_train/n02084071/n02084071_1.JPEG")


def test_validation_list(ilsvrc):
    dataset = build(ilsvrc, "val", ann_file="ImageSets/DET/val2.txt", test_mode=True)
    (one,) = (dataset.get_data_info(i) for i in range(len(dataset)))
    assert one["img_id"] == "ILSVRC2012_val_00000001"
    assert one["instances"] == [{"ignore_flag": 0, "bbox": [0, 0, 5, 5], "bbox_label": 0}]


def test_annotations_of_another_set(ilsvrc):
    path = ilsvrc / "Annotations" / "DET" / "val" / "ILSVRC2012_val_00000001.xml"
    write_xml(path, [("tabby", 0, 0, 4, 4, None)])
    with pytest.raises(UserError, match="'tabby': none of the 200 match"):
        build(ilsvrc, "val", ann_file="ImageSets/DET/val2.txt", test_mode=True)
