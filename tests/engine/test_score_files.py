"""What identifies a test, and the scores that several processes write together."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from small_classifier import SMALL

from mmresnet.config.load import load_config
from mmresnet.datasets.class_scores import load
from mmresnet.engine.assembly import build_model, prepare
from mmresnet.engine.score_files import describe_test, write_scores
from mmresnet.errors import UserError

ROOT = Path(__file__).parents[2]


def test_what_identifies_a_test(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"abc")
    cfg = load_config("resnet50_8xb32_in1k")
    found = describe_test(cfg, str(tmp_path / "a.pth"), "dense", (224,), {"a": 1}, "float32")
    settings = found.pop("settings_sha256")
    assert found == {
        "protocol": "dense",
        "scales": [224],
        "config": "resnet50_8xb32_in1k",
        "cfg_options": {"a": 1},
        "precision": "float32",
        "checkpoint": "a.pth",
        # of "abc", in FIPS 180-2
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }
    other = load_config("resnet50_8xb32_in1k", {"model.backbone.depth": 101})
    changed = describe_test(other, str(tmp_path / "a.pth"), "dense", (224,), {"a": 1}, "float32")
    assert changed.pop("settings_sha256") != settings
    assert changed == found
    named = describe_test(Config({}), "torchvision://resnet18", "recipe", (), None, "bfloat16")
    assert (named["checkpoint"], named["config"]) == ("torchvision://resnet18", "")


@pytest.mark.parametrize("evaluator", [None, {"type": "Accuracy"}, [{"type": "Accuracy"}], []])
def test_the_metrics_of_a_test_stay(evaluator, tmp_path):
    cfg = Config({"test_dataloader": {"dataset": {"pipeline": [{"type": "PackInputs"}]}}})
    cfg.test_evaluator = evaluator
    write_scores(cfg, tmp_path / "a.npz", {"protocol": "recipe"})
    types = [one["type"] for one in cfg.test_evaluator]
    assert types == [*(["Accuracy"] if evaluator else []), "mmresnet.DumpScores"]


def test_metrics_without_labels_are_refused(tmp_path):
    options = {"test_dataloader.dataset.with_label": False}
    cfg = load_config("resnet50_8xb32_in1k", options)
    with pytest.raises(UserError, match=r"Accuracy needs labels.*test_evaluator=\[\]"):
        write_scores(cfg, tmp_path / "a.npz", {})


def test_detectors_have_no_scores_of_classes(tmp_path):
    with pytest.raises(UserError, match="--scores is for classifiers"):
        write_scores(load_config("faster-rcnn_r50_fpn_1x_coco"), tmp_path / "a.npz", {})


@pytest.mark.full
@pytest.mark.dist
def test_two_processes_write_what_one_does(tiny_images, tmp_path):
    options = {
        **SMALL,
        "data_root": str(tiny_images),
        "test_dataloader.dataset.pipeline.1.scale": 36,
        "test_dataloader.dataset.pipeline.2.crop_size": 32,
        "test_dataloader.dataset.indices": [4, 3, 2, 1, 0],  # five: one of them is tested twice
    }
    torch.manual_seed(0)
    model = build_model(prepare("resnet50_8xb32_in1k", options))
    torch.nn.init.normal_(model.head.fc.weight)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "a.pth")
    settings = [f"{key}={value}" for key, value in options.items()]
    found = []
    for processes in ("1", "2"):
        path = tmp_path / f"{processes}.npz"
        command = [sys.executable, "-m", "mmresnet", "test", "resnet50_8xb32_in1k"]
        command += [str(tmp_path / "a.pth"), "--protocol", "ten-crop", "--scores", str(path)]
        command += ["--work-dir", str(tmp_path), "--device", "cpu", "--nproc", processes]
        done = subprocess.run(
            [*command, "--cfg-options", *settings],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(f"Wrote {path}") == 1
        found.append(load(path))
        kept = load(tmp_path / "predictions" / "test.npz")
        assert kept.images == found[-1].images
        np.testing.assert_array_equal(kept.scores, found[-1].scores)
    one, two = found
    assert one.images == ["owl/0.jpg", "dog/1.jpg", "dog/0.jpg", "cat/1.jpg", "cat/0.jpg"]
    assert two.images == one.images
    np.testing.assert_allclose(one.scores, two.scores, atol=1e-6)
    assert one.labels.tolist() == two.labels.tolist()
