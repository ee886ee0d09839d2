"""Which archives a data set has, and where their files go: compared with torchvision."""

import shutil
from pathlib import Path

import numpy as np
import published_archives as published
import pytest
from PIL import Image
from torchvision.datasets import CIFAR10 as TorchvisionCIFAR10
from torchvision.datasets import imagenet as torchvision_imagenet
from torchvision.datasets import voc as torchvision_voc

from mmresnet.datasets.imagenet_det.split import imbalance
from mmresnet.datasets.preparing.cifar10 import CIFAR10, CIFAR10Images
from mmresnet.datasets.preparing.coco import COCO
from mmresnet.datasets.preparing.data_set import find, missing
from mmresnet.datasets.preparing.folder import Preparation
from mmresnet.datasets.preparing.imagenet import ImageNet, ImageNetLoc
from mmresnet.datasets.preparing.imagenet_det import ImageNetDet
from mmresnet.datasets.preparing.voc import VOC
from mmresnet.errors import UserError

DATA_SETS = (ImageNet, ImageNetLoc, ImageNetDet, VOC, COCO, CIFAR10)


class _Bar:
    """Stands for a progress bar: that it is advanced by what it was announced."""

    def __init__(self, title: str, total: int) -> None:
        self._left = total

    def __enter__(self):
        return self._advance

    def _advance(self, count):
        self._left -= count

    def __exit__(self, kind, *rest):
        assert kind or self._left == 0


def prepare(data_set, source, target, made=0):
    """Prepare without checksums, and return what there is; of this, some files are made."""
    preparation = Preparation(data_set, "set", source, target, verify=False)
    report = preparation.run(2, _Bar)
    found = published.files_below(target)
    assert report.files == len(found) - made
    return found


@pytest.mark.parametrize(
    ("data_set", "write"),
    [
        (ImageNet, published.write_imagenet),
        (ImageNet, published.write_kaggle),
        (ImageNetLoc, published.write_boxes),
        (VOC, published.write_voc),
        (COCO, published.write_coco),
        (CIFAR10, published.write_cifar10),
    ],
)
def test_all_files_and_no_other_ones_are_written(data_set, write, tmp_path):
    expected = write(tmp_path / "source")
    assert prepare(data_set(), tmp_path / "source", tmp_path / "target") == expected


def test_imagenet_equals_torchvisions(tmp_path, monkeypatch):
    published.write_imagenet(tmp_path)
    ours = prepare(ImageNet(), tmp_path, tmp_path / "ours")
    monkeypatch.setattr(torchvision_imagenet, "_verify_archive", lambda *args: None)
    for split in ("train", "val"):
        torchvision_imagenet.ImageNet(str(tmp_path), split)
    theirs = published.files_below(tmp_path)
    assert ours == {n: d for n, d in theirs.items() if n.startswith(("train/", "val/"))}


def test_the_boxes_of_kaggles_archive(tmp_path):
    published.write_kaggle(tmp_path)
    expected = published.write_boxes(tmp_path / "other")
    expected["ImageSets/CLS-LOC/val.txt"] = b"ILSVRC2012_val_00000001 1\n"
    assert prepare(ImageNetLoc(), tmp_path, tmp_path / "target") == expected


@pytest.mark.parametrize("root", ["ILSVRC2015", "ILSVRC"])
def test_the_detection_set_gets_halves_of_its_validation_set(root, tmp_path):
    expected = published.write_det(tmp_path / "source", root)
    found = prepare(ImageNetDet(), tmp_path / "source", tmp_path / "target", made=2)
    halves = [found.pop(f"ImageSets/DET/{name}.txt").decode().split() for name in ("val1", "val2")]
    assert found == expected
    names = [f"ILSVRC2012_val_{number:08}" for number in range(1, 9)]
    assert sorted(halves[0] + halves[1]) == names
    classes = {name: [("dog", "cat")[i % 2]] for i, name in enumerate(names)}
    assert imbalance(*halves, classes) == {"dog": 0, "cat": 0}


def test_given_halves(tmp_path):
    source, target, lists = tmp_path / "source", tmp_path / "target", tmp_path / "lists"
    published.write_det(source)
    lists.mkdir()
    (lists / "1").write_text("ILSVRC2012_val_00000003 7\nILSVRC2012_val_00000001 8\n")
    (lists / "2").write_text("ILSVRC2012_val_00000002\n\n")
    (lists / "other").write_text("ILSVRC2012_val_00000009\n")
    found = prepare(ImageNetDet(lists / "1", lists / "2"), source, target, made=2)
    wanted = b"ILSVRC2012_val_00000003\nILSVRC2012_val_00000001\n"
    assert found["ImageSets/DET/val1.txt"] == wanted
    assert found["ImageSets/DET/val2.txt"] == b"ILSVRC2012_val_00000002\n"
    assert prepare(ImageNetDet(), source, target, made=2) == found  # they stay
    for first, second, words in (
        ("1", "other", "'ILSVRC2012_val_00000009' of --val1 and --val2 has no file in"),
        ("2", "1", r"val1.txt' is there already, and lists other images"),
        ("1", "1", "both list 'ILSVRC2012_val_00000001'"),
        ("1", "no", "There is no list of images"),
    ):
        with pytest.raises(UserError, match=words):
            prepare(ImageNetDet(lists / first, lists / second), source, target)
    with pytest.raises(UserError, match="give both"):
        ImageNetDet(lists / "1")


def test_cifar10_as_images(tmp_path):
    published.write_cifar10(tmp_path / "source")
    found = prepare(CIFAR10Images(), tmp_path / "source", tmp_path / "target")
    pixels, labels = published.cifar_images()
    assert len(found) == 24
    for part, name, first in (("train", "bird", 2), ("test", "airplane", 0), ("test", "cat", 3)):
        number = first if part == "train" else 20 + first
        assert labels.flat[number] == published.CIFAR_CLASSES.index(name)
        image = Image.open(tmp_path / "target" / part / name / f"{first:05}.png")
        expected = pixels.reshape(24, 3, 32, 32)[number].transpose(1, 2, 0)
        assert np.array_equal(np.asarray(image), expected)


def test_a_pickle_that_calls_something(tmp_path):
    call = b"cos\nsystem\n(S'touch /tmp/no'\ntR."
    files = {f"cifar-10-batches-py/data_batch_{i}": call for i in range(1, 6)}
    files |= {f"cifar-10-batches-py/{name}": call for name in ("test_batch", "batches.meta")}
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(published.tar(files, compressed=True))
    with pytest.raises(UserError, match=r"'batches.meta' in '.*gz' holds 'os\.system'"):
        prepare(CIFAR10Images(), tmp_path, tmp_path / "target")


def test_checksums_are_torchvisions():
    expected = dict(torchvision_imagenet.ARCHIVE_META.values())
    expected |= {
        torchvision_voc.DATASET_YEAR_DICT[year]["filename"]: torchvision_voc.DATASET_YEAR_DICT[
            year
        ]["md5"]
        for year in ("2007", "2007-test", "2012")
    }
    expected[TorchvisionCIFAR10.filename] = TorchvisionCIFAR10.tgz_md5
    ours = {one.file: one.md5 for data_set in DATA_SETS for one in data_set.downloads}
    assert len(expected) == 7
    assert {name: ours[name] for name in expected} == expected


def test_what_is_missing_and_who_has_it(tmp_path):
    published.write_imagenet(tmp_path)
    (tmp_path / "ILSVRC2012_img_train.tar").unlink()
    data_set = ImageNet()
    (line,) = missing(data_set, find(data_set, tmp_path))
    assert line == (
        "the training images: ILSVRC2012_img_train.tar from "
        "https://image-net.org/challenges/LSVRC/2012/2012-downloads.php (free account needed), or "
        "imagenet-object-localization-challenge.zip from "
        "https://www.kaggle.com/c/imagenet-object-localization-challenge/data (free account needed)"
    )
    (tmp_path / "ILSVRC2012_devkit_t12.tar.gz").unlink()
    with pytest.raises(UserError, match=r"img_val\.tar' needs the labels of the validation images"):
        find(data_set, tmp_path)


def test_editions_are_missing_each_for_itself(tmp_path):
    data_set = COCO()
    assert len(list(missing(data_set, []))) == 3  # of 2017
    (tmp_path / "val2014.zip").write_bytes(b"")
    lines = list(missing(data_set, find(data_set, tmp_path)))
    assert [line.partition(":")[0] for line in lines] == [
        "the train2014 images",
        "the annotations of 2014",
    ]
    (tmp_path / "annotations_trainval2017.zip").write_bytes(b"")
    assert len(list(missing(data_set, find(data_set, tmp_path)))) == 4


def test_sources_that_do_not_suffice(tmp_path):
    with pytest.raises(UserError, match="There is no folder"):
        find(VOC(), tmp_path / "no")
    (tmp_path / "ILSVRC2012_img_val.tar").write_bytes(b"")
    (tmp_path / "VOCtrainval_11-May-2012 (1).tar").write_bytes(b"")
    with pytest.raises(UserError) as caught:
        find(VOC(), tmp_path)
    (line,) = str(caught.value).splitlines()
    assert (
        "If 'VOCtrainval_11-May-2012 (1).tar' is 'VOCtrainval_11-May-2012.tar', rename it." in line
    )
    assert "VOCtest_06-Nov-2007.tar from http://host.robots.ox.ac.uk/pascal/VOC/voc2007/;" in line
    published.write_kaggle(tmp_path)
    with pytest.raises(UserError, match=r"validation images more than once, in 'ILSVRC.*' and 'im"):
        find(ImageNet(), tmp_path)


def test_labels_that_do_not_fit(tmp_path):
    published.write_imagenet(tmp_path)
    for labels, words in (
        ([1, 2], r"'ILSVRC2012_val_00000003.JPEG' of 'ILSVRC2012_img_val.tar' has no label among"),
        ([1, 2, 3, 4], "names a class 4 in its ground truth that its meta.mat does not have"),
    ):
        published.write_devkit(tmp_path, labels)
        shutil.rmtree(tmp_path / "target", ignore_errors=True)
        with pytest.raises(UserError, match=words):
            prepare(ImageNet(), tmp_path, tmp_path / "target")
        assert published.files_below(tmp_path / "target") == {}


def test_another_archive_under_the_name(tmp_path):
    (tmp_path / "train2017.zip").write_bytes(published.zipped({"cats/1.jpg": b"1"}))
    with pytest.raises(UserError, match=r"holds no file of the data set \(the first is 'cats/1"):
        prepare(COCO(), tmp_path, Path(tmp_path, "target"))
