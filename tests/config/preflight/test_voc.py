"""Lists and folders of sets in VOC's format are looked for before a run."""

import shutil

import pytest
from mmengine.config import Config
from voc_folders import write_voc

from mmresnet.config.load import load_config
from mmresnet.config.preflight.voc import check_voc

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


@pytest.fixture
def root(tmp_path):
    write_voc(tmp_path / "VOC2007")
    shutil.copytree(tmp_path / "VOC2007", tmp_path / "VOC2012")
    lists = tmp_path / "VOC2007" / "ImageSets" / "Main"
    shutil.copy(lists / "trainval.txt", lists / "test.txt")
    return tmp_path


def findings(root, name="faster-rcnn_r101-caffe_c4_80k_voc0712"):
    cfg = load_config(name, {"data_root": f"{root}/"})
    return {finding.where: str(finding) for finding in check_voc(cfg, LOADERS)}


def test_nothing_is_missing(root):
    assert findings(root) == {}


def test_a_list_and_a_folder_are_missing(root):
    (root / "VOC2007" / "ImageSets" / "Main" / "test.txt").unlink()
    shutil.rmtree(root / "VOC2012" / "Annotations")
    found = findings(root)
    assert found.keys() == {
        "train_dataloader.dataset.datasets.1",
        "val_dataloader.dataset",
        "test_dataloader.dataset",
    }
    assert "VOC2012/Annotations': set data_root" in found["train_dataloader.dataset.datasets.1"]
    assert "no list of images" in found["val_dataloader.dataset"]


def test_sets_without_annotations_or_of_other_types(root):
    data = dict(type="mmresnet.VOCDataset", data_root=f"{root}/VOC2007")
    for part in (
        data,  # VOC's own layout is the default, and all annotations
        dict(data, data_prefix=dict(img="JPEGImages")),
        dict(type="VOCDataset", data_root="none"),
    ):
        assert list(check_voc(Config(dict(train_dataloader=dict(dataset=part))), LOADERS)) == []


def test_every_part_of_imagenet_det(tmp_path):
    found = findings(tmp_path, "faster-rcnn_r101-caffe_c4_320k_imagenet-det")
    assert len(found) == 4
    assert "Data/DET/train'" in found["train_dataloader.dataset.datasets.0"]
