"""The section of class activation maps: which images it shows, and what it does without them."""

import re
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

import torch

from mmresnet.config.load import load_config
from mmresnet.datasets.class_scores import ClassScores, save
from mmresnet.engine.assembly import build_model
from mmresnet.report import cams
from mmresnet.report.images import Images
from mmresnet.report.run import Run

CLASSES = ["cat", "dog", "<b>owl</b>"]


@pytest.fixture
def folder(tmp_path, tiny_images):
    """A run whose net takes every image for a cat, and which has tested 6 images."""
    shutil.copytree(tiny_images / "val", tmp_path / "images")
    cfg = load_config("digits_resnet20", {"data_root": str(tiny_images), "num_classes": 3})
    net = build_model(cfg)
    with torch.no_grad():
        net.head.fc.bias[0] = 100
    content = {"state_dict": net.state_dict(), "meta": {"dataset_meta": {"classes": CLASSES}}}
    torch.save(content, tmp_path / "epoch_1.pth")
    cfg.dump(tmp_path / "config.py")
    names = [f"{name}/{i}.jpg" for name in ("cat", "dog", "owl") for i in (0, 1)]
    scores = np.array([[0.8, 0.1, 0.1]] * 4 + [[0.9, 0.09, 0.01], [0.98, 0.01, 0.01]])
    (tmp_path / "predictions").mkdir()
    found = ClassScores(
        scores, names, CLASSES, np.array([0, 0, 1, 1, 2, 2]), folder=str(tmp_path / "images")
    )
    save(tmp_path / "predictions" / "test.npz", found)
    return tmp_path


def test_mistakes_have_maps_of_both_classes_and_right_images_one(folder):
    images = Images()
    (section,) = cams.sections(Run(folder), images)
    config, weights = folder / "config.py", folder / "epoch_1.pth"
    assert f"mmresnet cam {config} {weights} IMAGE</pre>" in section.html
    wrong, right = section.html.split("<h3>Right</h3>")
    names = re.findall(r"<b>(\w+/\d.jpg)</b>", wrong)
    assert names == ["owl/0.jpg", "owl/1.jpg", "dog/0.jpg", "dog/1.jpg"]  # the highest loss first
    assert wrong.count("<img") == 4 * 3
    assert wrong.count("<b>cat 100%</b><span>mistake</span>") == 4
    assert wrong.count("<b>dog 0%</b><span>true class</span>") == 2
    assert right.count("<img") == 2 * 2
    pictures = set(map(int, re.findall(r'data-picture="(\d+)"', section.html)))
    assert pictures == set(range(len(images.uris)))
    assert "<b>owl</b>" not in section.html
    assert "&lt;b&gt;owl&lt;/b&gt; 0%" in section.html


def test_images_that_are_gone_are_left_out(folder):
    shutil.rmtree(folder / "images" / "owl")
    (section,) = cams.sections(Run(folder), Images())
    assert "owl/0.jpg" not in section.html
    assert "dog/0.jpg" in section.html


def test_other_weights_are_a_reason(folder):
    torch.save({"state_dict": {"other": torch.zeros(1)}}, folder / "epoch_1.pth")
    (section,) = cams.sections(Run(folder), Images())
    assert "There are no class activation maps: " in section.html
    assert "epoch_1.pth" in section.html


def test_a_run_without_weights_or_predictions_has_no_section(folder):
    (folder / "epoch_1.pth").unlink()
    assert cams.sections(Run(folder), Images()) == []
    (folder / "predictions" / "test.npz").unlink()
    (folder / "predictions" / "test.json").write_text("{}")
    assert cams.sections(Run(folder), Images()) == []
