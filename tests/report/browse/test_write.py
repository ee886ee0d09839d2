"""The page on a data set: its sections for classifiers and detectors, and the same for a seed."""

import base64
import hashlib
import io
import json
import pickle
import re

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("mmpretrain")
pytest.importorskip("plotly")

from mmresnet.config.load import load_config
from mmresnet.errors import UserError
from mmresnet.report.browse import write
from mmresnet.report.browse.data import open_set
from mmresnet.report.browse.samples import batch_section, step_section
from mmresnet.report.images import Images


def options(folder):
    return {"data_root": str(folder), "num_classes": 3}


def frames(html):
    """Return title and lines of each picture."""
    found = re.findall(r"<figcaption><b>(.*?)</b>(.*?)</figcaption>", html)
    return [(title, re.findall(r"<span>(.*?)</span>", lines)) for title, lines in found]


def test_the_page_of_a_classifier(tiny_images, tmp_path):
    out = tmp_path / "page.html"
    write.write_browse("digits_resnet20", out, number=4, cfg_options=options(tiny_images))
    page = out.read_text()
    assert re.findall(r'<section id="([\w-]+)"', page) == (
        ["data-set", "batches", "steps", "classes", "sizes"]
    )
    data = re.search(r'id="report-data">(.*?)</script>', page).group(1)
    assert len(json.loads(data)["pictures"]) > 8
    assert "<dt>Images</dt><dd>12</dd>" in page
    assert "<dt>All</dt><dd>48×40</dd>" in page


def test_the_page_of_a_detector(small_detector, tmp_path):
    out = tmp_path / "page.html"
    write.write_browse("faster-rcnn_r18_fpn_1x_coco", out, number=3, cfg_options=small_detector)
    page = out.read_text()
    assert 'id="boxes"' in page
    assert "1 cat, 1 dog, 1 owl" in page


def test_masks_are_shown(small_detector):
    masked = {key: value for key, value in small_detector.items() if "dataloader" not in key}
    opened = open_set("mask-rcnn_r50_fpn_1x_coco", "train", 2, cfg_options=masked)
    without, images = Images(), Images()
    steps = opened.sources[0].steps
    step_section(opened, images, 1, seed=0)
    steps[1].with_mask = False
    step_section(opened, without, 1, seed=0)
    assert images.uris[0] == without.uris[0]  # as loaded
    assert images.uris[1] != without.uris[1]


def test_each_step_has_a_picture_and_says_what_is_unchanged(tiny_images):
    opened = open_set("digits_resnet20", "train", 2, cfg_options=options(tiny_images))
    shown = frames(step_section(opened, Images(), 1, seed=0).html)
    names = ["LoadImageFromFile", "Resize", "RandomCrop", "Rotate", "PackInputs"]
    assert [title for title, _ in shown] == names
    assert shown[0][1] == ["48×40", "cat"]
    assert shown[1][1] == ["16×16", "cat"]
    assert shown[4][1] == ["16×16", "cat", "nothing changes"]


def test_a_mixed_batch_has_mixed_targets(tiny_images):
    mixed = {**options(tiny_images), "train_dataloader.dataset.pipeline.1.scale": 32}
    opened = open_set("resnet50_8xb32-mixup_in1k", "train", 4, cfg_options=mixed)
    section = batch_section(opened, Images(), seed=0)
    assert "mixed at random, by Mixup." in section.html
    shown = frames(section.html)
    assert len(shown) == 3 * 4  # batches
    assert any(re.search(r"\w+ \d+%, \w+ \d+%", lines[1]) for _, lines in shown)


def test_a_seed_gives_the_same_pictures(tiny_images):
    def pictures(seed):
        opened = open_set("digits_resnet20", "train", 4, seed, options(tiny_images))
        images = Images()
        batch_section(opened, images, seed)
        step_section(opened, images, 2, seed)
        return images.uris

    first = pictures(0)
    assert pictures(0) == first
    assert pictures(1) != first


def test_images_in_memory_are_shown_in_rgb(tmp_path, monkeypatch):
    from mmpretrain.datasets import CIFAR10

    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()
    red = np.zeros((4, 3, 32, 32), np.uint8)
    red[:, 0] = 250
    data = {"data": red.reshape(4, -1), "labels": [0, 1, 2, 3], "label_names": list("abcdefghij")}
    (folder / "all").write_bytes(pickle.dumps(data))
    digest = hashlib.md5((folder / "all").read_bytes()).hexdigest()
    for name in ("train_list", "test_list"):
        monkeypatch.setattr(CIFAR10, name, [["all", digest]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "filename": "all", "md5": digest})
    opened = open_set("resnet18_8xb16_cifar10", "test", 4, cfg_options={"data_root": str(tmp_path)})
    images = Images()
    section = batch_section(opened, images, seed=0)
    assert frames(section.html)[0] == ("image 0", ["32×32", "airplane"])
    _, _, content = images.uris[0].partition(",")
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    assert picture[16, 16].tolist() == [250, 0, 0]


def test_wrappers_are_looked_into(tiny_images):
    repeated = {
        "type": "RepeatDataset",
        "times": 2,
        "dataset": {
            "type": "CustomDataset",
            "data_root": str(tiny_images),
            "data_prefix": "val",
            "pipeline": [{"type": "LoadImageFromFile"}, {"type": "PackInputs"}],
        },
    }
    cfg = load_config("digits_resnet20", options(tiny_images))
    cfg.train_dataloader.dataset = {"type": "ConcatDataset", "datasets": [repeated, dict(repeated)]}
    opened = open_set(cfg, "train", 5)
    assert len(opened.loader.dataset) == 24
    assert [len(source.dataset) for source in opened.sources] == [6, 6]
    shown = frames(step_section(opened, Images(), 2, seed=0).html)
    assert [title for title, _ in shown] == ["LoadImageFromFile", "PackInputs"] * 2


def test_a_step_that_fails_is_shown(tiny_images):
    cfg = load_config("digits_resnet20", options(tiny_images))
    cfg.train_dataloader.dataset.pipeline[2] = {"type": "torchvision/RandomCrop", "size": 8}
    opened = open_set(cfg, "train", 2)  # without NumpyToPIL before it
    shown = frames(step_section(opened, Images(), 1, seed=0).html)
    assert [title for title, _ in shown] == ["LoadImageFromFile", "Resize", "RandomCrop"]
    assert shown[-1][1][0].startswith("fails: TypeError: ")
    assert "No batch can be made. TypeError: " in batch_section(opened, Images(), seed=0).html


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"split": "tran"}, "no set 'tran': train, val, test"),
        ({"number": 0}, "at least 1, not 0"),
        ({"out": "nosuch/page.html"}, "no folder 'nosuch'"),
        ({"cfg_options": {"data_root": "nosuch"}}, "nosuch"),
        ({"cfg_options": {"train_dataloader": None}}, "no train_dataloader with a data set"),
    ],
)
def test_a_mistake_is_one_line(keywords, words, tmp_path, tiny_images, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keywords = {"out": "page.html", "cfg_options": options(tiny_images)} | keywords
    with pytest.raises(UserError, match=words):
        write.write_browse("digits_resnet20", **keywords)
    assert list(tmp_path.iterdir()) == []
