"""Bad detection data ends in one line that says what to do, and exit code 1 or 2."""

import json
import shutil

import pytest

CONFIG = "faster-rcnn_r18_fpn_1x_coco"


@pytest.fixture
def data(tiny_coco, tmp_path):
    """A copy of the tiny set, to be corrupted."""
    return shutil.copytree(tiny_coco, tmp_path / "data")


@pytest.fixture(scope="session")
def call(call_detector):
    """The commands here run on the tiny detection set."""
    return call_detector


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
def test_a_mistake_in_a_setting(option, words, error_message):
    message = error_message("train", CONFIG, options=[option])
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"images": [1, ', ["is not valid JSON", "line 1", "cut off"]),
        ("", ["is not valid JSON"]),
        ('[{"image_id": 1, "score": 1}]', ["holds a list", "detections"]),
        (
            '{"shapes": [], "version": "5"}',
            ["not a COCO annotation file", "it has shapes, version"],
        ),
        ('{"images": [], "annotations": [], "categories": []}', ["no categories"]),
    ],
)
def test_a_file_that_is_not_coco(text, words, error_message, data):
    path = data / "annotations" / "instances_train2017.json"
    path.write_text(text)
    message = error_message("train", CONFIG, options=[f"data_root={data}/"])
    assert [word for word in (*words, str(path)) if word not in message] == []


def test_a_validation_set_of_other_categories(error_message, data):
    path = data / "annotations" / "instances_val2017.json"
    edit(path, lambda content: content["categories"][1].update(name="fox"))
    message = error_message("train", CONFIG, options=[f"data_root={data}/"])
    assert "instances_train2017.json' names 'cat', 'dog', 'owl'" in message
    assert "instances_val2017.json' are 'cat', 'fox', 'owl'" in message
    assert "'dog' is missing" in message


def test_mmdets_own_set_without_a_match(error_message, data):
    def rename(content):
        for category in content["categories"]:
            category["name"] += "s"

    for split in ("train", "val"):
        edit(data / "annotations" / f"instances_{split}2017.json", rename)
    options = [f"data_root={data}/", "train_dataloader.dataset.type=CocoDataset"]
    message = error_message("train", CONFIG, options=options)
    assert "'person', 'bicycle'" in message
    assert "(80 in all)" in message
    assert "are 'cats', 'dogs', 'owls': none of the 80 match" in message
    assert "type='mmresnet.CocoDataset'" in message


def test_an_image_that_is_listed_and_absent(error_message, data):
    (data / "train2017" / "000000000003.jpg").unlink()
    message = error_message("train", CONFIG, options=[f"data_root={data}/"])
    assert "1 of the 6 images" in message
    assert "'000000000003.jpg'" in message


@pytest.mark.parametrize("content", [b"nonsense", b""])
def test_an_image_that_cannot_be_decoded(content, error_message, data):
    broken = data / "train2017" / "000000000003.jpg"
    broken.write_bytes(content)
    message = error_message("train", CONFIG, options=[f"data_root={data}/"], code=1)
    assert f"'{broken}' cannot be used: " in message


@pytest.mark.full
def test_boxes_that_are_left_out_are_counted(call_detector, data, tmp_path, capfd):
    def corrupt(content):
        content["annotations"][0]["bbox"][2] = 0
        content["annotations"][1]["bbox"][:2] = [200, 200]
        content["annotations"][-1]["bbox"][3] = -5
        content["categories"].append({"id": 99, "name": "yak"})

    for split in ("train", "val"):
        edit(data / "annotations" / f"instances_{split}2017.json", corrupt)
    options = [f"data_root={data}/"]
    assert call_detector("train", CONFIG, "--work-dir", tmp_path / "w", options=options) == 2
    assert "1 box lies outside of their image (the first: annotation 2" in capfd.readouterr().err
    options += ["on_bad_sample=skip"]
    assert call_detector("train", CONFIG, "--work-dir", tmp_path / "w", options=options) == 0
    log = capfd.readouterr().out
    assert "2 boxes of zero or negative size are left out (the first: annotation 1 of" in log
    assert "1 boxes outside of their image are left out" in log
    assert "no boxes of 'yak'" in log
    assert "num_classes 80 -> 4" in log


def test_a_checkpoint_of_other_classes(error_message, trained_detector, data, tmp_path):
    path = str(trained_detector / "epoch_1.pth")
    for split in ("train", "val"):
        file = data / "annotations" / f"instances_{split}2017.json"
        edit(file, lambda content: content["categories"].append({"id": 99, "name": "yak"}))
    options = [f"data_root={data}/"]
    for message in (
        error_message("test", CONFIG, path, options=options),
        error_message("train", CONFIG, "--resume", path, options=options),
    ):
        assert "bbox_head.num_classes is 80" in message  # the config
        assert "2017.json': 'cat', 'dog', 'owl', 'yak'." in message  # the file
        assert "epoch_1.pth': 'cat', 'dog', 'owl'." in message  # the checkpoint


@pytest.mark.full
def test_weights_for_other_classes_start_a_training(
    call_detector, trained_detector, data, tmp_path
):
    for split in ("train", "val"):
        file = data / "annotations" / f"instances_{split}2017.json"
        edit(file, lambda content: content["categories"].append({"id": 99, "name": "yak"}))
    options = [f"data_root={data}/", f"load_from={trained_detector / 'epoch_1.pth'}"]
    assert call_detector("train", CONFIG, "--work-dir", tmp_path / "w", options=options) == 0


def test_a_classifiers_weights_as_a_detectors(error_message, tmp_path):
    import torch

    from mmresnet.registry import MODELS

    net = MODELS.build(dict(type="mmresnet.ResNet", depth=18, stem_channels=8, base_channels=8))
    path = tmp_path / "classifier.pth"
    torch.save({f"backbone.{name}": tensor for name, tensor in net.state_dict().items()}, path)
    message = error_message("train", CONFIG, options=[f"load_from={path}"])
    assert "another architecture" in message
    assert "model.backbone.init_cfg" in message
