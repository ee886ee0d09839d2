"""The pictures of one large digit: layout, boxes, and error messages."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from mmresnet.datasets.demo import digit_localization as digits
from mmresnet.datasets.imagenet_loc.dataset import ImageNetLoc
from mmresnet.errors import UserError

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A small set."""
    root = tmp_path_factory.mktemp("data") / "digits"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "PICTURES", {"train": 80, "val": 20})
        assert digits.write_digit_localization(root) is True
        assert digits.write_digit_localization(root) is False
    return root


def test_the_data_set_reads_it(root):
    train = ImageNetLoc(str(root), "train", pipeline=[])
    val = ImageNetLoc(str(root), "val", pipeline=[])
    assert (len(train), len(val)) == (40, 20)
    assert train.metainfo["classes"] == digits.CLASSES
    for info in (train.get_data_info(i) for i in range(40)):
        assert info["img_path"].split("/")[-2] == digits.CLASSES[info["gt_label"]]


def test_a_box_is_within_its_picture_and_encloses_the_largest_digit(root):
    val = ImageNetLoc(str(root), "val", pipeline=[])
    heights = []
    for index in range(20):
        info = val.get_data_info(index)
        picture = np.asarray(Image.open(info["img_path"])).astype(float)
        assert info["annotated_size"] == picture.shape[1::-1]
        ((x1, y1, x2, y2),) = info["gt_bboxes"].astype(int)
        assert 0 <= x1 < x2 <= picture.shape[1] and 0 <= y1 < y2 <= picture.shape[0]
        assert picture[y1:y2, x1:x2].mean() > picture.mean()
        heights.append(y2 - y1)
    assert min(heights) >= 20 and max(heights) <= 80 and np.ptp(heights) > 20


def test_annotations_are_as_ilsvrcs(root):
    """The last column and row belong to a box."""
    path = root / "Annotations" / "CLS-LOC" / "val" / "val_000003.xml"
    element = ElementTree.parse(path).getroot()
    given = [int(element.find(f".//{name}").text) for name in ("xmin", "ymin", "xmax", "ymax")]
    sample = ImageNetLoc(str(root), "val", pipeline=[]).get_data_info(3)
    np.testing.assert_array_equal(sample["gt_bboxes"], [np.add(given, [0, 0, 1, 1])])


def test_another_folder_is_refused(root):
    with pytest.raises(UserError, match=r"should contain 2,000 .png files and contains 80"):
        digits.write_digit_localization(root)
