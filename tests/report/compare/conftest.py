"""Folders of several runs with predictions of the same images."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmresnet.datasets import class_scores
from mmresnet.datasets.class_scores import ClassScores
from mmresnet.evaluation.detection import detection_file
from mmresnet.evaluation.detection.detection_file import Detections

CLASSES = ["cat", "dog", "owl"]
CATEGORIES = [{"id": 3, "name": "cat"}, {"id": 8, "name": "dog"}]


@pytest.fixture
def classifier(make_run, tmp_path):
    """``classifier(name, wrong)`` writes a run that is wrong about these of 30 images."""
    names = [f"{CLASSES[i % 3]}/{i:02}.png" for i in range(30)]
    images = tmp_path / "images"
    for number, name in enumerate(names):
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((16, 16, 3), 8 * number, np.uint8)).save(images / name)

    def make(name: str, wrong=(), order=range(30), split="test", classes=CLASSES) -> Path:
        folder = make_run(name)
        labels = np.array(order) % 3
        found = (labels + np.isin(order, list(wrong))) % 3
        scores = np.full((len(labels), len(classes)), 0.1, np.float32)
        scores[np.arange(len(labels)), found] = 0.8
        kept = ClassScores(
            scores, [names[i] for i in order], list(classes), labels, {}, str(images)
        )
        (folder / "predictions").mkdir(exist_ok=True)
        class_scores.save(folder / "predictions" / f"{split}.npz", kept)
        return folder

    return make


@pytest.fixture
def detector(make_run, tmp_path):
    """``detector(name, missed)`` writes a run that misses these of 20 boxes in 10 images."""
    path = tmp_path / "square.png"
    Image.new("RGB", (100, 100)).save(path)

    def make(name: str, missed=(), ids=range(10), moved=0, categories=CATEGORIES) -> Path:
        folder = make_run(name)
        images = [
            {"id": n, "file_name": f"{i}.png", "path": str(path), "width": 100, "height": 100}
            for i, n in enumerate(ids)
        ]
        annotations, detections = [], []
        for number in range(20):
            box = {
                "image_id": images[number // 2]["id"],
                "category_id": categories[number % 2]["id"],
                "bbox": [10.0 + moved, 10.0 + 50 * (number % 2), 30.0, 30.0],
            }
            annotations.append({**box, "id": number + 1, "iscrowd": 0, "area": 900.0})
            if number not in missed:
                detections.append({**box, "score": 0.9 - number / 100})
        detections.append({**detections[0], "bbox": [60.0, 60.0, 10.0, 10.0], "score": 0.95})
        (folder / "predictions").mkdir(exist_ok=True)
        kept = Detections(images, [dict(one) for one in categories], annotations, detections)
        detection_file.save(folder / "predictions" / "val.json", kept)
        return folder

    return make


@pytest.fixture
def log_scalars():
    """``log_scalars(run, lines)`` replaces what a run has logged."""

    def write(folder: Path, lines: list[dict]) -> None:
        (path,) = folder.glob("*/vis_data/scalars.json")
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    return write
