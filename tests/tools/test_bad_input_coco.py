"""What bad detection data gets: one sentence that says what to do, and exit code 1 or 2."""

import json
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / "configs" / "coco" / "faster-rcnn_r18_fpn_1x_coco.py")


@pytest.fixture
def data(tiny_coco, tmp_path):
    """A copy of the tiny set, to be spoiled."""
    return shutil.copytree(tiny_coco, tmp_path / "data")


@pytest.fixture
def said(call_detector, tmp_path, capsys):
    """``said(tool, *arguments, options=[…], code=2)`` returns the one line of the mistake."""

    def run(tool, *arguments, options=(), code=2):
        work = tmp_path / "work"
        assert call_detector(tool, *arguments, "--work-dir", work, options=options) == code
        lines = [line for line in capsys.readouterr().err.splitlines() if line]
        sentences = [x for x in lines if "Warning" not in x and not x.startswith("  ")]
        assert len(sentences) == 1, sentences
        return sentences[0]

    return run


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("data_root=no/such/", ["'no/such/annotations/", "a folder 'no/such/'", "<data_root>/ann"]),
        ("train_dataloader.dataset.ann_file=x.json", ["train_dataloader.dataset:", "/x.json'"]),
        ("train_dataloader.dataset.ann_file=val2017", ["no annotation file", "val2017'"]),
        (
            "train_dataloader.dataset.data_prefix.img=val/",
            ["6 of the 6 images", "instances_train2017.json", "does not exist", "data_prefix.img"],
        ),
        (
            "train_dataloader.dataset.metainfo.classes=cat,dgo",
            ["'cat', 'dgo'", "'cat', 'dog', 'owl'", "'dgo' is missing", "Did you mean 'dog'?"],
        ),
        (
            "val_dataloader.dataset.metainfo.classes=dog,cat,owl",
            ["val_dataloader.dataset.metainfo.classes", "'dog', 'cat', 'owl'", "same order"],
        ),
        ("num_classes=4", ["bbox_head.num_classes is 4", "has 3 classes", "leave num_classes"]),
        ("train_dataloader.dataset.filter_cfg.min_size=999", ["lists 6 images", "leaves none"]),
        ("val_evaluator.ann_file=no.json", ["no annotation file 'no.json'"]),
        ("model.type=FasterRCN", ["model.type:", "mean 'FasterRCNN'?"]),
        ("model.rpn_head.type=RPNHed", ["model.rpn_head.type:", "mean 'RPNHead'?"]),
        (
            "train_dataloader.dataset.type=mmresnet.CocoDatset",
            ["'mmresnet.CocoDatset'", "Dataset'?"],
        ),
        ("model.neck.num_out=5", ["model.neck.num_out:", "'num_outs'"]),
        ("val_dataloader.dataset.pipeline.1.type=Resizee", ["'Resizee'", "mean 'Resize'?"]),
    ],
)
def test_a_mistake_in_a_setting(option, words, said):
    sentence = said("train", CONFIG, options=[option])
    assert [word for word in words if word not in sentence] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"images": [1, ', ["is not valid JSON", "line 1", "cut off"]),
        ("", ["is not valid JSON"]),
        ('[{"image_id": 1, "score": 1}]', ["holds a list", "detections"]),
        ('{"shapes": [], "version": "5"}', ["not a COCO annotation file", "it has shapes, version"]),
        ('{"images": [], "annotations": [], "categories": []}', ["no categories"]),
    ],
)
def test_a_file_that_is_not_coco(text, words, said, data):
    path = data / "annotations" / "instances_train2017.json"
    path.write_text(text)
    sentence = said("train", CONFIG, options=[f"data_root={data}/"])
    assert [word for word in (*words, str(path)) if word not in sentence] == []


def test_a_validation_set_of_other_categories(said, data):
    path = data / "annotations" / "instances_val2017.json"
    edit(path, lambda content: content["categories"][1].update(name="fox"))
    sentence = said("train", CONFIG, options=[f"data_root={data}/"])
    assert "instances_train2017.json' names 'cat', 'dog', 'owl'" in sentence
    assert "instances_val2017.json' are 'cat', 'fox', 'owl'" in sentence
    assert "'dog' is missing" in sentence


def test_mmdets_own_set_without_a_match(said, data):
    def rename(content):
        for category in content["categories"]:
            category["name"] += "s"

    for split in ("train", "val"):
        edit(data / "annotations" / f"instances_{split}2017.json", rename)
    options = [f"data_root={data}/", "train_dataloader.dataset.type=CocoDataset"]
    sentence = said("train", CONFIG, options=options)
    assert "'person', 'bicycle'" in sentence
    assert "(80 in all)" in sentence
    assert "are 'cats', 'dogs', 'owls': none of the 80 match" in sentence
    assert "type='mmresnet.CocoDataset'" in sentence


def test_an_image_that_is_listed_and_absent(said, data):
    (data / "train2017" / "000000000003.jpg").unlink()
    sentence = said("train", CONFIG, options=[f"data_root={data}/"])
    assert "1 of the 6 images" in sentence
    assert "'000000000003.jpg'" in sentence


@pytest.mark.parametrize("content", [b"nonsense", b""])
def test_an_image_that_cannot_be_decoded(content, said, data):
    broken = data / "train2017" / "000000000003.jpg"
    broken.write_bytes(content)
    sentence = said("train", CONFIG, options=[f"data_root={data}/"], code=1)
    assert f"'{broken}' cannot be decoded" in sentence


def test_boxes_that_are_left_out_are_counted(call_detector, data, tmp_path, capfd):
    def spoil(content):
        content["annotations"][0]["bbox"][2] = 0
        content["annotations"][1]["bbox"][:2] = [200, 200]
        content["annotations"][-1]["bbox"][3] = -5
        content["categories"].append({"id": 99, "name": "yak"})

    for split in ("train", "val"):
        edit(data / "annotations" / f"instances_{split}2017.json", spoil)
    options = [f"data_root={data}/"]
    assert call_detector("train", CONFIG, "--work-dir", tmp_path / "w", options=options) == 0
    log = capfd.readouterr().out
    assert "2 boxes of zero or negative size are left out (the first: annotation 1 of" in log
    assert "1 boxes outside of their image are left out" in log
    assert "no boxes of 'yak'" in log
    assert "num_classes 80 -> 4" in log


def test_a_checkpoint_of_other_classes(said, trained_detector, data, tmp_path):
    path = str(trained_detector / "epoch_1.pth")
    for split in ("train", "val"):
        file = data / "annotations" / f"instances_{split}2017.json"
        edit(file, lambda content: content["categories"].append({"id": 99, "name": "yak"}))
    options = [f"data_root={data}/"]
    for sentence in (
        said("test", CONFIG, path, options=options),
        said("train", CONFIG, "--resume", path, options=options),
    ):
        assert "bbox_head.num_classes is 80" in sentence  # the config
        assert "2017.json': 'cat', 'dog', 'owl', 'yak'." in sentence  # the file
        assert "epoch_1.pth': 'cat', 'dog', 'owl'." in sentence  # the checkpoint


def test_weights_for_other_classes_start_a_training(
    call_detector, trained_detector, data, tmp_path
):
    for split in ("train", "val"):
        file = data / "annotations" / f"instances_{split}2017.json"
        edit(file, lambda content: content["categories"].append({"id": 99, "name": "yak"}))
    options = [f"data_root={data}/", f"load_from={trained_detector / 'epoch_1.pth'}"]
    assert call_detector("train", CONFIG, "--work-dir", tmp_path / "w", options=options) == 0


def test_a_classifiers_weights_as_a_detectors(said, tmp_path):
    import torch

    from mmresnet.registry import MODELS

    net = MODELS.build(dict(type="mmresnet.ResNet", depth=18, stem_channels=8, base_channels=8))
    path = tmp_path / "classifier.pth"
    torch.save({f"backbone.{name}": tensor for name, tensor in net.state_dict().items()}, path)
    sentence = said("train", CONFIG, options=[f"load_from={path}"])
    assert "another architecture" in sentence
    assert "model.backbone.init_cfg" in sentence
