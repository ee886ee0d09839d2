"""VOCDataset: boxes, classes, what it shares with mmdet's, and messages about bad sets."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import ConcatDataset
from PIL import Image
from voc_folders import OBJECTS, write_image, write_voc, write_xml

from mmresnet.datasets.voc import columns as voc_columns
from mmresnet.datasets.voc.dataset import VOCDataset
from mmresnet.errors import UserError
from mmresnet.registry import DATASETS

LIST = "ImageSets/Main/trainval.txt"


@pytest.fixture
def voc(tmp_path):
    return write_voc(tmp_path / "VOC2007")


def build(root, **keywords):
    return VOCDataset(**{"data_root": str(root), "ann_file": LIST, **keywords})


def all_data(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def edit(root, name, objects, **keywords):
    write_xml(root / "Annotations" / f"{name}.xml", objects, **keywords)


def test_boxes_are_zero_based_and_half_open(voc):
    """VOC's pixels 1 to 10 of a row are [0, 10); 5 to 5 is one pixel, [4, 5)."""
    data = all_data(build(voc))
    assert [one["img_id"] for one in data] == list(OBJECTS)
    assert [one["bbox"] for one in data[0]["instances"]] == [[0, 0, 10, 20], [39, 29, 80, 64]]
    assert [one["bbox"] for one in data[2]["instances"]] == [[4, 5, 5, 6], [10, 11, 40.5, 50]]
    assert data[0]["img_path"] == str(voc / "JPEGImages" / "000001.jpg")
    assert (data[0]["width"], data[0]["height"]) == (80, 64)


def test_difficult_objects_are_to_be_ignored(voc):
    flags = [[one["ignore_flag"] for one in data["instances"]] for data in all_data(build(voc))]
    assert flags == [[0, 1], [], [0, 0], [0]]


def test_classes_are_those_of_the_files_or_of_the_config(voc):
    assert build(voc).metainfo["classes"] == ("cat", "dog", "owl")
    dataset = build(voc, metainfo={"classes": ("owl", "cat")})
    assert dataset.metainfo["classes"] == ("owl", "cat")
    labels = [[one["bbox_label"] for one in data["instances"]] for data in all_data(dataset)]
    assert labels == [[1], [], [0, 1], []]
    assert dataset.get_cat_ids(2) == [0, 1]


@pytest.mark.parametrize("filtering", [None, {"filter_empty_gt": True, "min_size": 32}])
@pytest.mark.parametrize("test_mode", [False, True])
def test_samples_equal_mmdets_but_for_the_last_pixel(voc, filtering, test_mode):
    mmdet = pytest.importorskip("mmdet.datasets")
    keywords = {"filter_cfg": filtering, "test_mode": test_mode}
    keywords["metainfo"] = {"classes": ("cat", "dog", "owl")}
    edit(voc, "2008_000003", [("cat", 11, 12, 40, 50, 0)])  # mmdet's rounds to integers
    theirs = mmdet.VOCDataset(
        data_root=str(voc), ann_file=LIST, data_prefix={"sub_data_root": ""}, **keywords
    )
    expected = all_data(theirs)
    for data in expected:
        del data["xml_path"]
        data["seg_map_path"] = None
        for one in data["instances"]:
            x1, y1, x2, y2 = one["bbox"]
            one["bbox"] = [x1, y1, x2 + 1, y2 + 1]
    assert all_data(build(voc, **keywords)) == expected


def test_sets_are_joined_as_mmengine_does(voc, tmp_path):
    other = {"2012_1": [("owl", 1, 1, 9, 9, 0), ("cat", 1, 1, 9, 9, 0), ("dog", 1, 1, 9, 9, 0)]}
    write_voc(tmp_path / "VOC2012", other)
    parts = [
        {
            "type": "mmresnet.VOCDataset",
            "data_root": str(tmp_path),
            "ann_file": f"{year}/{LIST}",
            "data_prefix": {"img": f"{year}/JPEGImages", "ann": f"{year}/Annotations"},
        }
        for year in ("VOC2007", "VOC2012")
    ]
    joined = ConcatDataset([DATASETS.build(part) for part in parts])
    assert [one["img_id"] for one in all_data(joined)] == [*OBJECTS, "2012_1"]
    assert joined.metainfo["classes"] == ("cat", "dog", "owl")


def test_any_folder_names_suffixes_and_lists(tmp_path):
    """Without a list all annotations are taken; images may be in folders, and of any format."""
    write_image(tmp_path / "pictures" / "a" / "1.png")
    write_image(tmp_path / "pictures" / "b" / "2.JPEG")
    write_xml(tmp_path / "boxes" / "b" / "2.xml", [("red cell", 0, 0, 9, 19, None)])
    write_xml(tmp_path / "boxes" / "a" / "1.xml", [("platelet", 70, 60, 79, 63, None)])
    prefix = {"img": "pictures", "ann": "boxes"}
    dataset = build(tmp_path, ann_file="", data_prefix=prefix, first_pixel=0)
    assert dataset.metainfo["classes"] == ("platelet", "red cell")
    first, second = all_data(dataset)
    assert (first["img_id"], second["img_id"]) == ("a/1", "b/2")
    assert first["img_path"].endswith("pictures/a/1.png")
    assert first["instances"][0]["bbox"] == [70, 60, 80, 64]
    assert second["instances"][0]["bbox"] == [0, 0, 10, 20]


def test_the_first_word_of_a_line_is_the_image(voc):
    (voc / LIST).write_text("000004  1\n\n000001 -1\n")
    assert [one["img_id"] for one in all_data(build(voc))] == ["000004", "000001"]


def test_sizes_are_read_from_images_where_annotations_have_none(voc):
    edit(voc, "000004", OBJECTS["000004"], size=None)
    rotated = Image.new("RGB", (64, 80))
    exif = rotated.getexif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees: 80 x 64
    rotated.save(voc / "JPEGImages" / "000004.jpg", exif=exif)
    data = build(voc).get_data_info(3)
    assert (data["width"], data["height"]) == (80, 64)


def test_a_set_without_annotations(voc):
    (voc / "Annotations" / "000001.xml").unlink()
    keywords = {"data_prefix": {"img": "JPEGImages"}, "test_mode": True}
    dataset = build(voc, metainfo={"classes": ("cat", "dog")}, **keywords)
    assert [one["instances"] for one in all_data(dataset)] == [[]] * 4
    assert dataset.get_data_info(1)["width"] == 80
    with pytest.raises(UserError, match="name the classes in metainfo"):
        build(voc, **keywords)


def test_files_are_read_once_until_one_changes(voc, cache, monkeypatch):
    read = []
    parse = voc_columns.read_annotation
    monkeypatch.setattr(
        voc_columns, "read_annotation", lambda path: read.append(path) or parse(path)
    )
    first = all_data(build(voc))
    assert len(read) == 4
    assert all_data(build(voc)) == first
    assert len(read) == 4
    edit(voc, "000004", [("owl", 1, 1, 4, 4, 0)])
    assert build(voc).get_data_info(3)["instances"][0]["bbox_label"] == 2
    assert len(read) == 8
    assert build(voc, first_pixel=0).get_data_info(3)["instances"][0]["bbox"] == [1, 1, 5, 5]
    os.rename(voc / "JPEGImages" / "000004.jpg", voc / "JPEGImages" / "000004.png")
    assert build(voc).get_data_info(3)["img_path"].endswith("000004.png")


def test_subsets_are_mmengines(voc):
    dataset = build(voc, indices=3)
    assert [one["img_id"] for one in all_data(dataset)] == list(OBJECTS)[:3]
    assert len(build(voc).get_subset([1, 2])) == 2


def test_an_image_that_cannot_be_read_is_reported(voc):
    (voc / "JPEGImages" / "000001.jpg").write_bytes(b"no image")
    keywords = {"pipeline": [{"type": "mmresnet.LoadImageFromFile"}], "max_bad_share": 0.5}
    from mmresnet.errors import SampleError

    with pytest.raises(SampleError, match=r"000001\.jpg.*on_bad_sample='skip'"):
        build(voc, **keywords)[0]
    dataset = build(voc, on_bad_sample="skip", **keywords)
    assert dataset[0]["img_path"] != str(voc / "JPEGImages" / "000001.jpg")
    assert [path for path, _ in dataset.bad_samples.events()] == [
        str(voc / "JPEGImages" / "000001.jpg")
    ]


SCRIPT = """
import json, sys
import torch.distributed as dist
from mmresnet.datasets.voc import columns as voc_columns
from mmresnet.datasets.voc.dataset import VOCDataset
from mmresnet.errors import UserError
rank, port, root, out = int(sys.argv[1]), *sys.argv[2:]
dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
read, parse = [], voc_columns.read_annotation
voc_columns.read_annotation = lambda path: read.append(path) or parse(path)
keywords = dict(data_root=root, ann_file="ImageSets/Main/trainval.txt")
data = VOCDataset(**keywords)
report = [len(read), data.metainfo["classes"], [data.get_data_info(i) for i in range(len(data))]]
try:
    VOCDataset(metainfo=dict(classes=("owls",)), **keywords)
except UserError as error:
    report.append(str(error))
with open(f"{out}/{rank}.json", "w") as file:
    json.dump(report, file)
"""


@pytest.mark.full
@pytest.mark.dist
def test_one_of_two_processes_reads_the_files(voc, tmp_path):
    """Both then have the same samples, and the same error."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(rank), port, str(voc), str(tmp_path)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in running:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors[-3000:]
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert (first.pop(0), second.pop(0)) == (4, 0)
    assert first == second
    assert first[1] == json.loads(json.dumps(all_data(build(voc))))
    assert "none of the 1 match" in first[2]


# --- mistakes ----------------------------------------------------------------------------------


def refused(root, message, **keywords):
    with pytest.raises(UserError, match=message) as caught:
        build(root, **keywords)
    assert "\n" not in str(caught.value)


def test_no_list(voc):
    refused(
        voc,
        r"no list of images '.*trainvla.txt'. Did you mean 'trainval.txt'\?",
        ann_file="ImageSets/Main/trainvla.txt",
    )


def test_an_empty_list_and_a_name_twice(voc):
    (voc / LIST).write_text("\n")
    refused(voc, "lists no image")
    (voc / LIST).write_text("000001\n000004\n000001\n")
    refused(voc, "lists '000001' twice")


def test_missing_files(voc):
    (voc / "Annotations" / "000004.xml").unlink()
    refused(voc, r"1 of the 4 images that .* lists have no annotations .*000004.xml")
    (voc / "JPEGImages" / "000001.jpg").unlink()
    refused(voc, r"1 of the 4 images that .* are missing in .* \(the first: '000001'\)")
    refused(voc, "a folder that does not exist", data_prefix={"img": "Images", "ann": "x"})
    refused(voc, "no folder '.*/x'", ann_file="", data_prefix={"img": "JPEGImages", "ann": "x"})


def test_images_of_one_name(voc):
    write_image(voc / "JPEGImages" / "000001.png")
    refused(voc, "has '000001.jpg' and '000001.png'")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<annotation><object>", "no element found"),
        ("<annotation><object><name>cat</name></object></annotation>", "'cat' has no <bndbox>"),
        (
            "<annotation><object><name>cat</name><bndbox><xmin>1</xmin></bndbox></object>"
            "</annotation>",
            "<bndbox> has no <ymin>",
        ),
        ("<annotation><object><bndbox/></object></annotation>", "<object> has no <name>"),
        (
            "<annotation><size><width>wide</width></size></annotation>",
            "could not convert string to float",
        ),
    ],
)
def test_a_file_of_another_kind(voc, content, reason):
    (voc / "Annotations" / "000004.xml").write_text(content)
    refused(voc, rf"000004.xml' is no annotation in VOC's format: .*{reason}")


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((81, 1, 90, 20), "outside of their image"),
        ((30, 3, 3, 30), "of zero or negative size"),
        (("nan", 3, 3, 30), "with a coordinate that is not finite"),
    ],
)
def test_a_wrong_box(voc, box, reason):
    edit(voc, "000004", [("dog", *box, 0), ("cat", 1, 1, 9, 9, 0)])
    refused(voc, rf"1 box is {reason} \(the first is in '000004.xml'\).*on_bad_sample='skip'")
    dataset = build(voc, on_bad_sample="skip")
    assert [one["bbox"] for one in dataset.get_data_info(3)["instances"]] == [[0, 0, 9, 9]]
    assert dataset.boxes_left_out == {reason: [(4, "000004.jpg")]}


def test_classes_that_the_files_do_not_have(voc):
    refused(
        voc,
        "'owls', and .* no object of it, but 1 .*: did you mean 'owl'",
        metainfo={"classes": ("cat", "dog", "owls")},
    )
    refused(voc, "none of the 2 match", metainfo={"classes": ("tree", "car")})
    # a small set may lack a class
    dataset = build(voc, metainfo={"classes": ("cat", "dog", "owl", "zebra")})
    assert len(dataset.metainfo["classes"]) == 4


def test_boxes_of_unnamed_classes_are_logged(voc, monkeypatch):
    from mmresnet.datasets.voc import dataset as module

    lines = []
    monkeypatch.setattr(module, "print_log", lambda line, **_: lines.append(line))
    build(voc, metainfo={"classes": ("cat",)})
    assert lines[0].endswith("trainval.txt': 4 images, 2 boxes of 1 classes.")
    assert "3 boxes of 'dog', 'owl' are left out" in lines[-1]


def test_no_image_is_left_and_wrong_keywords(voc):
    refused(voc, "lists 4 images, and filter_cfg=.* leaves none", filter_cfg={"min_size": 100})
    refused(voc, "give the folders of images and annotations", data_prefix={"ann": "Annotations"})
    refused(voc, "give the folders of images", data_prefix={"sub_data_root": "VOC2007"})


def test_the_columns_are_arrays(voc):
    """Samples of 350,000 images are no objects of Python."""
    dataset = build(voc)
    assert isinstance(dataset.data_address, np.ndarray)
    assert dataset.data_bytes.size == 0
