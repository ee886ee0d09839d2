"""ILSVRC's localization task as a data set: samples, scores, proposals, and what is refused."""

import logging
import shutil

import ilsvrc
import numpy as np
import pytest
from mmengine.logging import MMLogger

from mmresnet.datasets.imagenet_loc.dataset import ImageNetLoc
from mmresnet.datasets.imagenet_loc.proposals import ProposalFiles
from mmresnet.errors import UserError

FIRST, SECOND = ilsvrc.CLASSES
VAL = ("ILSVRC2012_val_00000001", "ILSVRC2012_val_00000002")


@pytest.fixture
def root(tmp_path):
    return ilsvrc.write(tmp_path / "ILSVRC")


def scores_file(path, scores=((0.2, 0.8), (0.9, 0.1)), images=VAL, classes=ilsvrc.CLASSES):
    names = [f"val/{name}.JPEG" for name in images]
    np.savez(
        path,
        scores=np.float32(scores),
        images=np.array(names),
        classes=np.array(classes),
        test="{}",
    )
    return str(path)


def test_training_images_with_boxes_are_taken_and_counted(root):
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    MMLogger.get_current_instance().addHandler(handler)
    try:
        dataset = ImageNetLoc(str(root), "train", pipeline=[])
    finally:
        MMLogger.get_current_instance().removeHandler(handler)
    assert len(dataset) == 3
    assert any("3 of 4 images have boxes" in line for line in lines)
    assert dataset.metainfo["classes"] == ilsvrc.CLASSES
    sample = dataset.get_data_info(1)
    assert sample["img_path"].endswith(f"train/{FIRST}/{FIRST}_2.JPEG")
    assert sample["gt_label"] == 0
    assert sample["annotated_size"] == (50, 40)
    assert sample["gt_bboxes"].dtype == np.float32
    np.testing.assert_array_equal(sample["gt_bboxes"], [[0, 0, 10, 10], [20, 20, 50, 40]])
    assert dataset.get_data_info(2)["gt_label"] == 1


def test_a_validation_image_has_the_class_of_its_boxes(root):
    dataset = ImageNetLoc(str(root), "val", pipeline=[])
    assert [dataset.get_data_info(i)["gt_label"] for i in range(2)] == [1, 0]


def test_validation_images_may_lie_in_class_folders(root):
    folder = root / "Data" / "CLS-LOC" / "val"
    (folder / SECOND).mkdir()
    shutil.move(folder / f"{VAL[0]}.JPEG", folder / SECOND)
    assert len(ImageNetLoc(str(root), "val", pipeline=[])) == 2


def test_the_folder_is_the_class_of_a_training_image(root):
    """Boxes with another name are of its class, but those of another class are left out."""
    text = ilsvrc.annotation(
        [(0, 0, 9, 9), (1, 1, 5, 5), (2, 2, 8, 8)], names=["Scottish_deerhound", SECOND, FIRST]
    )
    ilsvrc.add(root, "train", f"{FIRST}_1", text, FIRST)
    sample = ImageNetLoc(str(root), "train", pipeline=[]).get_data_info(0)
    np.testing.assert_array_equal(sample["gt_bboxes"], [[0, 0, 10, 10], [2, 2, 9, 9]])


def test_scores_give_the_predicted_classes(root, tmp_path):
    scores = scores_file(tmp_path / "s.npz", images=VAL[::-1])  # in another order
    dataset = ImageNetLoc(str(root), "val", scores=scores, topk=2, pipeline=[])
    assert dataset.get_data_info(0)["predicted_classes"].tolist() == [0, 1]
    assert dataset.get_data_info(1)["predicted_classes"].tolist() == [1, 0]


def test_proposals_are_those_of_the_samples_classes(root, tmp_path):
    scores = scores_file(tmp_path / "s.npz")
    files = ProposalFiles.create(tmp_path / "p", VAL[::-1], (2, 3), {})
    boxes = np.arange(48, dtype=np.float32).reshape(2, 2, 3, 4)
    own_and_predicted = np.array([[0, 0], [1, 1]])  # the second image first
    files.write([0, 1], boxes, boxes[..., 0], own_and_predicted)
    options = dict(scores=scores, topk=1, proposals=str(tmp_path / "p"), pipeline=[])
    dataset = ImageNetLoc(str(root), "val", **options)
    np.testing.assert_array_equal(dataset.get_data_info(0)["proposals"], boxes[1])
    np.testing.assert_array_equal(dataset.get_data_info(1)["proposals"], boxes[0])
    more = ProposalFiles.create(tmp_path / "more", VAL, (2, 1), {})
    others = -np.arange(16, dtype=np.float32).reshape(2, 2, 1, 4)
    more.write([0, 1], others, others[..., 0], own_and_predicted[::-1])
    both = {**options, "proposals": [str(tmp_path / "p"), str(tmp_path / "more")]}
    sample = ImageNetLoc(str(root), "val", **both).get_data_info(0)
    np.testing.assert_array_equal(sample["proposals"], np.concatenate([boxes[1], others[0]], 1))
    options["scores"] = scores_file(tmp_path / "other.npz", scores=((0.9, 0.1), (0.9, 0.1)))
    with pytest.raises(UserError, match=r"for other classes: .*\[1, 1\].* are \[1, 0\]"):
        ImageNetLoc(str(root), "val", **options)


@pytest.mark.parametrize(
    ("spoil", "split", "words"),
    [
        (
            lambda root: (root / f"Annotations/CLS-LOC/val/{VAL[0]}.xml").unlink(),
            "val",
            f"1 of 2 images .* no annotation .*should be .*Annotations/CLS-LOC/val/{VAL[0]}.xml",
        ),
        (
            lambda root: (root / f"Data/CLS-LOC/val/{VAL[1]}.JPEG").unlink(),
            "val",
            f"1 of 2 annotations .* no image .*{VAL[1]}.xml",
        ),
        (
            lambda root: ilsvrc.add(
                root, "val", VAL[0], ilsvrc.annotation([(0, 0, 9, 9)], names=["n01440765"])
            ),
            "val",
            f"class 'n01440765', which is none of the 2 classes .*Did you mean '{FIRST}'",
        ),
        (
            lambda root: ilsvrc.add(
                root,
                "train",
                f"{FIRST}_1",
                ilsvrc.annotation([(0, 0, 9, 9)], names=[SECOND]),
                FIRST,
            ),
            "train",
            f"has no box of its class '{FIRST}', only of '{SECOND}'",
        ),
        (
            lambda root: ilsvrc.add(root, "train", f"{FIRST}_1", None, SECOND),
            "train",
            "have the same name",
        ),
        (lambda root: shutil.rmtree(root / "Data"), "val", "no folder .*Data/CLS-LOC/val"),
        (
            lambda root: shutil.rmtree(root / "Annotations"),
            "val",
            r"no folder .*Annotations/CLS-LOC/train'.*metainfo=dict\(classes=\[…\]\)",
        ),
        (lambda root: None, "valid", "split is 'train' or 'val', not 'valid'.*'val'"),
    ],
)
def test_what_does_not_fit_is_told(root, spoil, split, words):
    spoil(root)
    with pytest.raises(UserError, match=words):
        ImageNetLoc(str(root), split, pipeline=[])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": VAL[:1], "scores": ((0.2, 0.8),)}, f"no scores for 1 of 2 images .*{VAL[1]}"),
        ({"classes": (SECOND, FIRST)}, f"class 0 is '{SECOND}' in the file and '{FIRST}' in"),
        ({"classes": ("a",), "scores": ((1.0,), (1.0,))}, "class 0 is 'a'"),
        ({"classes": (FIRST,), "scores": ((1.0,), (1.0,))}, "has 1 classes, and the data set 2"),
        ({"scores": ((1.0, np.nan), (0, 1))}, "infinite or NaN"),
        ({"scores": ((1.0, 2.0),)}, r"2 images and 2 classes have scores of the shape \(1, 2\)"),
    ],
)
def test_scores_of_another_set_are_refused(root, tmp_path, changes, words):
    scores = scores_file(tmp_path / "s.npz", **changes)
    with pytest.raises(UserError, match=words):
        ImageNetLoc(str(root), "val", scores=scores, topk=1, pipeline=[])


def test_a_missing_and_a_broken_file_of_scores_are_told(root, tmp_path):
    (tmp_path / "text.npz").write_text("scores")
    np.savez(tmp_path / "half.npz", scores=np.zeros((2, 2)))
    for name, words in (
        ("none.npz", "no file .*--scores"),
        ("text.npz", "no file of class scores"),
        ("half.npz", "has no 'images'"),
    ):
        with pytest.raises(UserError, match=words):
            ImageNetLoc(str(root), "val", scores=str(tmp_path / name), pipeline=[])
    scores = scores_file(tmp_path / "s.npz")
    with pytest.raises(UserError, match="topk=5 exceeds the 2 classes"):
        ImageNetLoc(str(root), "val", scores=scores, pipeline=[])
