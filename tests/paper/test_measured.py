"""Figures are read from what each command leaves or prints."""

import json

import pytest

from mmresnet.errors import UserError
from mmresnet.paper.measured import measured


def test_a_training_gives_its_last_validation_and_training_accuracy(tmp_path):
    log = tmp_path / "20260101_000000" / "vis_data" / "scalars.json"
    log.parent.mkdir(parents=True)
    lines = []
    for step, (train, test) in enumerate([(30.0, 60.0), (80.0, 55.0)], 1):
        lines.append({"lr": 0.1, "loss": 1.0, "accuracy_top-1": train, "step": step})
        lines.append({"accuracy/top1": test, "step": step})
    log.write_text("\n".join(map(json.dumps, lines)))
    words = ["train", "recipe", "--work-dir", str(tmp_path), "--resume"]
    assert measured(words, "") == {"": {"accuracy/top1": 55.0, "train/top1": 80.0}}


def test_a_test_gives_the_metrics_of_its_newest_run(tmp_path):
    words = ["test", "recipe", "last.pth", "--work-dir", str(tmp_path)]
    with pytest.raises(UserError, match="holds no metrics of a test"):
        measured(words, "")
    for start, value in (("20260101_000000", 50.0), ("20260102_000000", 60.0)):
        (tmp_path / start).mkdir()
        (tmp_path / start / f"{start}.json").write_text(json.dumps({"accuracy/top1": value}))
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "test.json").write_text("{}")  # of a detector
    assert measured(words, "") == {"": {"accuracy/top1": 60.0}}


def test_lines_of_complexity():
    printed = "| net | input | parameters (M) | multiply-adds (G) |\n|---|---|---|---|\n"
    printed += "| VGG-16 | 224 | 138.36 | 15.47 |\n| ResNet-50 caffe | 224 | 25.56 | 3.88 |\n"
    assert measured(["complexity"], printed) == {
        "VGG-16": {"multiply-adds": 15.47},
        "ResNet-50 caffe": {"multiply-adds": 3.88},
    }


def test_lines_of_responses():
    printed = (
        "plain-20: 19 layers, standard deviations from 0.250 to 1.500, mean 0.750\nWrote a.png.\n"
    )
    expected = {"responses/mean": 0.75, "responses/lowest": 0.25, "responses/highest": 1.5}
    assert measured(["plot", "responses", "a.png"], printed) == {"plain-20": expected}
    assert measured(["plot", "errors", "a.png"], printed) == {}


def test_the_average_of_an_ensemble():
    printed = (
        "10,000 images of 10 classes\n"
        "member        top-1 error  top-1 accuracy  top-5 error  top-5 accuracy\n"
        "1  a.npz           18.97%          81.03%        1.00%          99.00%\n"
        "average of 2       15.25%          84.75%        0.75%          99.25%\n\n"
        "3 subsets, the lowest top-1 error first\n"
    )
    top = {"accuracy/top1": 84.75, "accuracy/top5": 99.25}
    assert measured(["ensemble", "a.npz", "b.npz"], printed) == {"": top}
    without = "average of 2       15.25%          84.75%\n"
    assert measured(["ensemble", "a.npz"], without) == {"": {"accuracy/top1": 84.75}}
