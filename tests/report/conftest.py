"""Folders of runs, as trainings and tests leave them, and a browser."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmresnet.datasets import class_scores
from mmresnet.datasets.class_scores import ClassScores

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
LOG = """\
2026/01/31 12:00:00 - mmengine - INFO -{space}
------------------------------------------------------------
System environment:
    sys.platform: linux
    Python: 3.11.7
    PyTorch: 2.14.1
    PyTorch compiling details: PyTorch built with:
  - GCC 13.3

    MMEngine: 0.10.7

Runtime environment:
    seed: 0
    GPU number: 2
------------------------------------------------------------
2026/01/31 12:00:01 - mmengine - INFO - Config:
epochs = 2
2026/01/31 12:00:02 - mmengine - INFO - Command: mmresnet train digits_resnet20
2026/01/31 12:00:03 - mmengine - INFO - Training digits_resnet20: ImageClassifier, 0.27 M parameters
  data     data/digits: 1,437 images of 10 classes
  device   cpu, 2 threads
  lr       0.1 as in the config.
2026/01/31 12:01:30 - mmengine - INFO - Saving checkpoint at 2 epochs
"""
CONFIG = """\
default_scope = 'mmpretrain'
default_hooks = dict(checkpoint=dict(type='CheckpointHook', save_best='accuracy/top1'))
dataset = dict(type='mmresnet.CustomDataset', data_root='not/there', data_prefix='train')
train_dataloader = dict(batch_size=8, dataset=dataset)
"""
SCALARS = [
    {"lr": 0.1, "loss": 2.0, "grad_norm": 3.0, "time": 0.5, "epoch": 1, "iter": 4, "step": 4},
    {"accuracy/top1": 80.0, "accuracy/top5": 95.0, "time": 0.1, "step": 1},
    {"lr": 0.01, "loss": 1.0, "grad_norm": 2.0, "time": 0.25, "epoch": 2, "iter": 8, "step": 8},
    {"accuracy/top1": 75.0, "accuracy/top5": 97.0, "time": 0.1, "step": 2},
]

MakeRun = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """``make_run(name)`` writes what mmengine's tools leave of a training of two epochs."""

    def make(name: str = "digits_resnet20", log: str = LOG) -> Path:
        folder = tmp_path / name
        start = folder / "20260131_120000"
        (start / "vis_data").mkdir(parents=True)
        (start / f"{start.name}.log").write_text(log.replace("{space}", " "), encoding="utf-8")
        (start / "vis_data" / "config.py").write_text(CONFIG)
        lines = "".join(f"{json.dumps(line)}\n" for line in SCALARS)
        (start / "vis_data" / "scalars.json").write_text(lines)
        (folder / "digits_resnet20.py").write_text(CONFIG)
        for weights in ("epoch_2.pth", "best_accuracy_top1_epoch_1.pth"):
            (folder / weights).write_bytes(b"weights")
        return folder

    return make


@pytest.fixture
def write_scores() -> Callable[..., None]:
    """``write_scores(folder, images, names, classes)``: predictions of a classifier."""
    return _write_scores


def _write_scores(folder: Path, images: Path, names: list[str], classes: list[str]) -> None:
    """Write a picture for each name, and scores of which every third is wrong."""
    generator = np.random.default_rng(0)
    labels = np.arange(len(names)) % len(classes)
    scores = generator.dirichlet(np.ones(len(classes)), len(names)).astype(np.float32)
    found = np.where(np.arange(len(names)) % 3, labels, (labels + 1) % len(classes))
    scores[np.arange(len(names)), found] += 1
    scores /= scores.sum(axis=1, keepdims=True)
    for name, label in zip(names, labels, strict=True):
        pixels = generator.integers(0, 80, (40, 40, 3), dtype=np.uint8)
        pixels[:, : 2 + 36 * label // len(classes)] += 150
        path = images / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    (folder / "predictions").mkdir(exist_ok=True)
    kept = ClassScores(scores, names, classes, labels, {"split": "val"}, str(images))
    class_scores.save(folder / "predictions" / "val.npz", kept)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Headless Chromium; the test is skipped where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    path = next((path for path in CHROMIUM if Path(path).exists()), None)
    if path is None:
        pytest.skip(f"needs Chromium: none of {', '.join(CHROMIUM)} exists")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser) -> Iterator[Callable[..., object]]:
    """``open_page(path)`` shows a file; console errors, dialogs and requests fail the test."""
    told, pages = [], []

    def show(path: Path, width: int = 1280, scheme: str = "light") -> object:
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        pages.append(page)
        page.set_default_timeout(120_000)  # milliseconds: many tests may run beside this one
        page.on("console", lambda said: told.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: told.append(request.url) if _leaves(request) else None)
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    yield show
    for page in pages:
        page.close()
    assert told == []


def _leaves(request) -> bool:
    return not request.url.startswith(("file:", "data:", "blob:"))
