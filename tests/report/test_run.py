"""What is read from the folder of a run, whose parts may be missing or damaged."""

import pickle
from datetime import timedelta

import numpy as np
import pytest

from mmresnet.datasets.cifar import CIFAR10
from mmresnet.errors import UserError
from mmresnet.evaluation.detection import detection_file
from mmresnet.evaluation.detection.detection_file import Detections
from mmresnet.report.run import Run


def test_a_training_by_the_tools_of_others(make_run):
    run = Run(make_run())
    assert run.trained
    assert run.config_name == "digits_resnet20"
    assert run.config.train_dataloader.batch_size == 8
    assert run.checkpoint.name == "best_accuracy_top1_epoch_1.pth"
    assert run.curves.metrics["accuracy/top1"] == {4: 80.0, 8: 75.0}
    assert run.environment == {
        "Python": "3.11.7",
        "PyTorch": "2.14.1",
        "MMEngine": "0.10.7",
        "seed": "0",
        "GPU number": "2",
    }
    (log,) = run.logs
    assert log.duration == timedelta(seconds=90)
    assert log.command == "mmresnet train digits_resnet20"
    assert log.header["data"] == "data/digits: 1,437 images of 10 classes"
    assert (run.classification("val"), run.detection("val"), run.test_metrics) == (None, None, {})


def test_the_last_weights_where_there_are_no_best(make_run):
    folder = make_run()
    (folder / "best_accuracy_top1_epoch_1.pth").unlink()
    (folder / "epoch_1.pth").write_bytes(b"older by name, newer by date")
    (folder / "last_checkpoint").write_text("/elsewhere/epoch_2.pth")
    assert Run(folder).checkpoint.name == "epoch_2.pth"


def test_damaged_files_are_missing_ones(make_run):
    folder = make_run()
    start = folder / "20260131_120000"
    (start / "vis_data" / "config.py").write_text("no Python")
    (start / "vis_data" / "scalars.json").write_text('{"loss": ')
    (start / f"{start.name}.log").write_bytes(b"\xff\xfe")
    (folder / "predictions").mkdir()
    for name in ("val.npz", "test.json"):
        (folder / "predictions" / name).write_bytes(b"damaged")
    run = Run(folder)
    assert (run.config, run.curves, run.environment) == (None, None, {})
    assert (run.classification("val"), run.detection("test")) == (None, None)
    assert run.image("val", 0) is None


def test_a_test_gives_its_metrics_and_weights(make_run, tmp_path):
    folder = make_run()
    start = folder / "20260131_120000"
    (start / "vis_data" / "scalars.json").unlink()
    weights = folder / "best_accuracy_top1_epoch_1.pth"
    weights.rename(tmp_path / "tested.pth")
    (folder / "epoch_2.pth").unlink()
    (start / "vis_data" / "config.py").write_text(f"load_from = {str(tmp_path / 'tested.pth')!r}")
    (start / f"{start.name}.json").write_text('{"accuracy/top1": 91.5, "time": 0.1}')
    run = Run(folder)
    assert not run.trained
    assert run.test_metrics == {"accuracy/top1": 91.5}
    assert run.checkpoint == tmp_path / "tested.pth"


def test_images_are_found_by_their_files(make_run, write_scores, tmp_path):
    folder = make_run()
    write_scores(folder, tmp_path / "images", ["a/1.png", "b/2.png"], ["a", "b"])
    run = Run(folder)
    assert run.classification("val").labels.tolist() == [0, 1]
    assert run.image("val", 1) == tmp_path / "images" / "b" / "2.png"


def test_detections_come_back(make_run):
    folder = make_run()
    (folder / "predictions").mkdir()
    found = Detections(
        [{"id": 1, "file_name": "a.jpg", "path": "/a.jpg", "width": 8, "height": 6}],
        [{"id": 3, "name": "cat"}],
        [],
        [{"image_id": 1, "category_id": 3, "bbox": [0.0, 0.0, 2.0, 3.0], "score": 0.5}],
        {"split": "val"},
        "voc",
    )
    detection_file.save(folder / "predictions" / "val.json", found)
    assert Run(folder).detection("val") == found


@pytest.mark.parametrize("make", [True, False])
def test_another_folder_is_refused(make, tmp_path):
    folder = tmp_path / "pictures"
    if make:
        folder.mkdir()
    with pytest.raises(UserError, match=r"pictures.*give the --work-dir of a training or a test"):
        Run(folder)


def test_images_without_files_come_from_the_data_set(make_run, tmp_path, monkeypatch, capsys):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), np.uint8)
    archive = tmp_path / CIFAR10.base_folder
    archive.mkdir()
    content = {"data": pixels.reshape(2, -1), "labels": [3, 8]}
    monkeypatch.setattr(CIFAR10, "train_list", [])
    monkeypatch.setattr(CIFAR10, "test_list", [["test", None]])
    folder = make_run()
    dataset = {"type": "mmresnet.CIFAR10", "data_root": str(tmp_path), "test_mode": True}
    dataset |= {"split": "test", "pipeline": [{"type": "PackInputs"}]}
    config = f"default_scope = 'mmpretrain'\ntest_dataloader = dict(dataset={dataset!r})\n"
    (folder / "20260131_120000" / "vis_data" / "config.py").write_text(config)
    assert Run(folder).image("test", 1) is None
    assert "Downloading" not in capsys.readouterr().out
    (archive / "test").write_bytes(pickle.dumps(content))
    image = Run(folder).image("test", 1)
    assert np.array_equal(image, pixels[1].transpose(1, 2, 0))
    assert Run(folder).image("val", 1) is None
