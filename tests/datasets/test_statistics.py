"""Statistics of data sets, counted by hand."""

import pytest
from PIL import Image

pytest.importorskip("mmpretrain")

from mmresnet.datasets import statistics
from mmresnet.datasets.statistics import count


class Images:
    """What data sets of mmengine have: a length, and samples before their pipeline."""

    def __init__(self, *infos):
        self.infos = infos

    def __len__(self):
        return len(self.infos)

    def get_data_info(self, index):
        return self.infos[index]


def box(label, *corners, ignored=0):
    return {"bbox": corners, "bbox_label": label, "ignore_flag": ignored}


def test_boxes_are_counted_without_ignored_ones():
    first = {"width": 100, "height": 50, "instances": [box(1, 0, 0, 10, 20), box(1, 5, 5, 6, 9)]}
    crowd = {"width": 60, "height": 80, "instances": [box(0, 0, 0, 9, 9, ignored=1)]}
    found = count([Images(first), Images(crowd)], classes=3)
    assert (found.images, found.read) == (2, 2)
    assert found.in_class.tolist() == [0, 2, 0]
    assert found.images_in_class.tolist() == [0, 1, 0]
    assert found.sizes.tolist() == [[100, 50], [60, 80]]
    assert found.boxes.tolist() == [[10, 20], [1, 4]]
    assert found.box_labels.tolist() == [1, 1]
    assert found.boxes_in_image.tolist() == [2, 0]


def test_image_files_are_opened_for_their_sizes(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    turned = Image.Exif()
    turned[0x0112] = 6  # rotated by 90 degrees
    Image.new("RGB", (30, 20)).save(tmp_path / "b.jpg", exif=turned)
    (tmp_path / "c.png").write_text("no image")
    infos = [
        {"img_path": str(tmp_path / name), "gt_label": 0} for name in ("a.png", "b.jpg", "c.png")
    ]
    found = count([Images(*infos)], classes=2)
    assert found.sizes.tolist() == [[30, 20], [20, 30]]
    assert found.boxes is None
    assert found.in_class.tolist() == [3, 0]


def test_an_image_may_have_several_labels():
    info = {"width": 1, "height": 1}
    found = count([Images(info | {"gt_label": [0, 2]}, info | {"gt_label": [2]})], classes=3)
    assert found.in_class.tolist() == [1, 0, 2]


def test_a_large_set_is_sampled_evenly(monkeypatch):
    monkeypatch.setattr(statistics, "MOST_READ", 10)
    infos = [{"width": 1, "height": 1, "gt_label": label} for label in range(4) for _ in range(20)]
    found = count([Images(*infos[:40]), Images(*infos[40:])], classes=4)
    assert (found.images, found.read) == (80, 10)
    assert found.in_class.tolist() == [3, 2, 3, 2]
