"""Results as plain values: labels, objects, frames, and the JSON file."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmengine")

from mmengine.structures import BaseDataElement, InstanceData  # noqa: E402

from mmresnet.evaluation.results import decode_mask  # noqa: E402
from mmresnet.inference.results import describe, write_json  # noqa: E402
from mmresnet.inference.sources import Source  # noqa: E402

CLASSES = ["cat", "dog", "owl"]
IMAGE = SimpleNamespace(
    source=Source("a", "a.jpg"), pixels=np.zeros((4, 6, 3), np.uint8), frame=None, time=None
)


def labels(scores, classes=CLASSES, **kwargs):
    sample = BaseDataElement(pred_score=torch.tensor(scores, dtype=torch.bfloat16))
    return describe(IMAGE, sample, classes, **kwargs)["labels"]


def test_a_single_label_classifier_gives_the_best_five_whatever_their_scores():
    got = labels([0.0, 0.5, 0.125, 0.25, 0.0625, 0.03125], score_thr=0.3, multi_label=False)
    assert [one["score"] for one in got] == [0.5, 0.25, 0.125, 0.0625, 0.03125]
    assert [one["class_id"] for one in got] == [1, 3, 2, 4, 5]
    assert [one["name"] for one in got] == ["dog", "3", "owl", "4", "5"]


def test_a_multi_label_classifier_gives_the_labels_that_reach_the_threshold():
    got = labels([0.5, 0.125, 0.25], score_thr=0.25, multi_label=True)
    assert [one["name"] for one in got] == ["cat", "owl"]
    assert labels([0.5, 0.125, 0.25], score_thr=0.75, multi_label=True) == []


def test_a_detector_gives_the_objects_that_reach_the_threshold_best_first():
    masks = torch.zeros(3, 4, 6, dtype=torch.bool)
    masks[2, 1:3, 2:5] = True
    sample = BaseDataElement(
        pred_instances=InstanceData(
            scores=torch.tensor([0.5, 0.25, 0.75]),
            labels=torch.tensor([0, 1, 2]),
            bboxes=torch.tensor([[0.0, 0, 1, 1], [1, 1, 2, 2], [2, 1, 5.126, 3]]),
            masks=masks,
        )
    )
    result = describe(IMAGE, sample, CLASSES, score_thr=0.5, multi_label=False)
    assert (result["path"], result["width"], result["height"]) == ("a.jpg", 6, 4)
    best, second = result["objects"]
    assert (best["name"], best["class_id"], best["score"]) == ("owl", 2, 0.75)
    assert best["box"] == [2.0, 1.0, 5.13, 3.0]
    assert second["name"] == "cat"
    assert (decode_mask(best["mask"]) == masks[2].numpy()).all()
    assert not decode_mask(second["mask"]).any()
    assert json.loads(json.dumps(result)) == result


def test_a_frame_has_its_number_and_time():
    frame = SimpleNamespace(**vars(IMAGE) | {"frame": 3, "time": 0.12})
    sample = BaseDataElement(pred_score=torch.tensor([1.0, 0.0]))
    result = describe(frame, sample, CLASSES, score_thr=0.5, multi_label=False)
    assert (result["frame"], result["time"]) == (3, 0.12)


def test_the_json_has_a_line_for_each_result(tmp_path):
    document = {"classes": ["a", "ö"], "results": [{"path": "x"}, {"path": "y"}], "failed": []}
    path = tmp_path / "results.json"
    write_json(document, path)
    assert json.loads(path.read_text(encoding="utf-8")) == document
    assert path.read_text(encoding="utf-8").splitlines()[2:5] == [
        ' "results": [',
        '  {"path": "x"},',
        '  {"path": "y"}',
    ]
    assert [one.name for one in tmp_path.iterdir()] == ["results.json"]


def test_a_failed_write_leaves_the_earlier_json_unchanged(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    path.write_text("before")

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="no space left"):
        write_json({"results": []}, path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
