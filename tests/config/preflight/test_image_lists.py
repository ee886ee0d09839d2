"""Lists of images for classification."""

import pytest
from mmengine.config import Config

from mmresnet.config.preflight.files import check_data


def findings(root, text, **dataset):
    (root / "list.txt").write_text(text)
    dataset = {"type": "CustomDataset", "data_root": str(root), "ann_file": "list.txt", **dataset}
    cfg = {"model": {"head": {"num_classes": 3}}, "train_dataloader": {"dataset": dataset}}
    return list(check_data(Config(cfg)))


@pytest.fixture
def images(tmp_path):
    (tmp_path / "a b").mkdir()
    for name in ("a b/1.jpg", "2.jpg"):
        (tmp_path / name).touch()
    return tmp_path


def test_a_right_list_passes(images):
    assert findings(images, "a b/1.jpg 0\n2.jpg 2\n") == []
    assert findings(images, "a b/1.jpg\n2.jpg\n", with_label=False) == []


@pytest.mark.parametrize(
    ("text", "options", "where", "words"),
    [
        ("2.jpg 0", {"ann_file": "no.txt"}, ".ann_file", "no.txt'. Set data_root or ann_file"),
        ("2.jpg 0\n\n", {}, ".ann_file", "has the line '(an empty one)'. Write '<image> <number"),
        ("2.jpg cat", {}, ".ann_file", "has the line '2.jpg cat'"),
        ("2.jpg 3", {}, ".ann_file", "labels up to 3, and model.head.num_classes is 3. Labels"),
        ("2.jpg 0\n3.jpg 1", {}, "", "1 of 2 images of the list that were looked for are not in"),
        ("2.jpg 0", {"data_prefix": "a b"}, "", "(the first: '2.jpg'). Set data_prefix"),
    ],
)
def test_a_mistake(text, options, where, words, images):
    (found,) = findings(images, text, **options)
    assert (found.where, found.severity) == (f"train_dataloader.dataset{where}", "error")
    assert words in str(found)


def test_a_missing_image_is_a_warning_where_it_would_be_skipped(images):
    (found,) = findings(images, "3.jpg 0", on_bad_sample="skip")
    assert found.severity == "warning"


def test_a_long_list_is_looked_through_in_steps(images):
    lines = ["2.jpg 0"] * 2500
    lines[3], lines[4] = "3.jpg 0", "4.jpg 0"  # each third is looked for
    (found,) = findings(images, "\n".join(lines))
    assert "1 of 834 images" in str(found)
    assert "'3.jpg'" in str(found)
