"""ILSVRC's annotations: coordinates, oddities of the real files, errors, and the index."""

import ilsvrc
import numpy as np
import pytest

from mmresnet.datasets import index_files
from mmresnet.datasets.imagenet_loc import boxes as imagenet_boxes
from mmresnet.datasets.imagenet_loc.boxes import read_boxes, read_file
from mmresnet.errors import UserError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((10, 5, 29, 34), (10, 5, 30, 35)),  # 20 × 30 pixels, the last ones included
        ((29, 34, 10, 5), (10, 5, 30, 35)),  # corners swapped
        ((-3, 0, 60, 39), (0, 0, 50, 40)),  # beyond the picture
        ((0, 0, 50, 40), (0, 0, 50, 40)),  # xmax as large as the width
    ],
)
def test_a_box_ends_after_its_last_pixel_and_within_the_picture(tmp_path, given, expected):
    (tmp_path / "a.xml").write_text(ilsvrc.annotation([given]))
    assert read_file(tmp_path / "a.xml") == ((50, 40), [(ilsvrc.CLASSES[0], expected)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<annotation><size>", "no annotation in VOC's format: no element found"),
        ("<annotation></annotation>", "cannot be used: it has no element 'size'"),
        (ilsvrc.annotation([]), "cannot be used: it has no element 'object'"),
        (ilsvrc.annotation([(50, 0, 60, 10)]), r"\[50, 0, 60, 10\] lies outside of its 50x40"),
        (ilsvrc.annotation([("left", 0, 60, 10)]), "no annotation in VOC's format: .*'left'"),
        (ilsvrc.annotation([(1, 2, 3, 4)]).replace("ymax", "z"), "<bndbox> has no <ymax>"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, text, words):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(UserError, match=f"a.xml' .*{words}"):
        read_file(tmp_path / "a.xml")


def test_columns_give_each_file_its_own_boxes(tmp_path):
    root = ilsvrc.write(tmp_path) / "Annotations" / "CLS-LOC" / "train"
    boxes = read_boxes(root)
    first, second = ilsvrc.CLASSES
    assert boxes.paths.tolist() == [
        f"{first}/{first}_1.xml",
        f"{first}/{first}_2.xml",
        f"{second}/{second}_1.xml",
    ]
    names, found = boxes.of(1)
    assert names == [first, first]
    np.testing.assert_array_equal(found, [[0, 0, 10, 10], [20, 20, 50, 40]])
    assert boxes.of(2)[0] == [second]
    np.testing.assert_array_equal(boxes.sizes, [[50, 40]] * 3)


def test_files_are_parsed_again_only_after_a_change(tmp_path, monkeypatch):
    root = ilsvrc.write(tmp_path / "set") / "Annotations" / "CLS-LOC" / "train"
    monkeypatch.setenv(index_files.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(index_files, "_RESOLUTION", -(10**12))  # as if all were written long ago
    parsed = []
    monkeypatch.setattr(
        imagenet_boxes, "read_file", lambda path: parsed.append(path) or read_file(path)
    )
    first = read_boxes(root)
    assert len(parsed) == 3
    again = read_boxes(root)
    assert len(parsed) == 3
    np.testing.assert_array_equal(again.boxes, first.boxes)
    assert again.names == first.names
    path = root / ilsvrc.CLASSES[1] / f"{ilsvrc.CLASSES[1]}_1.xml"
    path.unlink()
    path.write_text(ilsvrc.annotation([(0, 0, 4, 4)], names=[ilsvrc.CLASSES[1]]))
    np.testing.assert_array_equal(read_boxes(root).of(2)[1], [[0, 0, 5, 5]])


def test_a_missing_and_an_empty_folder_are_told(tmp_path):
    with pytest.raises(UserError, match=r"no folder .*ILSVRC's layout .*set data_root"):
        read_boxes(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no XML file"):
        read_boxes(tmp_path)
