"""The report on a config's data sets."""

import json
import shutil

import pytest

pytest.importorskip("mmpretrain")

from mmresnet.cli import command

CONFIG = "resnet50_8xb32_in1k"
main = command.main_of("check_dataset")


@pytest.fixture
def images(tiny_images, tmp_path):
    return shutil.copytree(tiny_images, tmp_path / "images")


def check(*arguments, config=CONFIG, code=0):
    """Run the command, which exits itself if something is bad."""
    argv = [config, *map(str, arguments)]
    if not code:
        assert command.run(main, argv) == 0
        return
    with pytest.raises(SystemExit) as caught:
        command.run(main, argv)
    assert caught.value.code == code


def test_a_good_set(images, capsys):
    check("--workers", 0, "--cfg-options", f"data_root={images}")
    assert capsys.readouterr().out.splitlines() == [
        "train: 12 images of 3 classes, 0 bad",
        "  per class  4",
        "  formats    JPEG 12",
        "  sizes      48x40 to 48x40; most often 48x40, 12 times",
        "val: 6 images of 3 classes, 0 bad",
        "  per class  2",
        "  formats    JPEG 6",
        "  sizes      48x40 to 48x40; most often 48x40, 6 times",
    ]


@pytest.mark.parametrize("workers", [0, 2])
def test_bad_files_copies_and_others(workers, images, tmp_path, capsys):
    bad = images / "train" / "dog" / "1.jpg"
    bad.write_bytes(bad.read_bytes()[:300])
    (images / "train" / "notes.txt").write_text("x")
    (images / "val" / "owl" / "1.jpg").write_bytes(b"")
    shutil.copy(images / "train" / "cat" / "0.jpg", images / "val" / "cat" / "9.jpg")
    shutil.copy(images / "train" / "cat" / "0.jpg", images / "train" / "cat" / "9.jpg")
    path = tmp_path / "report.json"
    options = ["--workers", workers, "--json", path, "--cfg-options", f"data_root={images}"]
    check(*options, code=1)
    said = capsys.readouterr().out
    assert "train: 13 images of 3 classes, 1 bad\n  per class  4 ('dog') to 5 ('cat')" in said
    assert f"    '{bad}': it is cut off or damaged" in said
    assert "  not taken  1 file: notes.txt\n" in said
    assert "train and val share 1 file" in said
    report = json.loads(path.read_text())
    assert report["sets"]["train"]["in_class"] == {"cat": 5, "dog": 4, "owl": 4}
    assert list(report["sets"]["train"]["bad"]) == [str(bad)]
    empty = {str(images / "val" / "owl" / "1.jpg"): "the file is empty"}
    assert report["sets"]["val"]["bad"] == empty
    cat = images / "train" / "cat"
    assert report["sets"]["train"]["copies"] == [[str(cat / "0.jpg"), str(cat / "9.jpg")]]
    assert list(report["shared"]) == ["train and val"]
    assert "test" not in report["sets"]  # it is val


def test_a_detection_set(tiny_coco, tmp_path, capsys):
    pytest.importorskip("mmdet")
    root = shutil.copytree(tiny_coco, tmp_path / "coco")
    path = root / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["bbox"][:2] = [200, 200]
    content["images"][3].update(width=64, height=80)
    path.write_text(json.dumps(content))
    options = ["--workers", 0, "--sets", "train", "--cfg-options", f"data_root={root}/"]
    check(*options, config="faster-rcnn_r18_fpn_1x_coco", code=1)
    said = capsys.readouterr().out
    assert "  outside    1 boxes outside of their image: annotation 1 of '000000000001.jpg'" in said
    assert "it has 80x64 pixels, and its annotations are for 64x80, the size before" in said


def test_mistakes(images, capsys):
    for arguments, words in (
        (["--workers", -1], "--workers -1"),
        (["--cfg-options", f"data_root={images}/no"], "There is no folder"),
    ):
        assert command.run(main, [CONFIG, *map(str, arguments)]) == 2
        assert words in capsys.readouterr().err
