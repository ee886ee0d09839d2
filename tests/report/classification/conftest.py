"""A run whose classifier takes a third of each class for the next one."""

import numpy as np
import pytest
from PIL import Image

from mmresnet.datasets import class_scores
from mmresnet.report.classification.classified import Classified, read
from mmresnet.report.images import Images
from mmresnet.report.run import Run

CLASSES = ["cat", "<script>alert(1)</script>", "owl", "emu"]


@pytest.fixture
def run_folder(make_run, write_scores, tmp_path):
    """A run with 96 images of four classes in folders, and a training set.

    Of the latter, one image is a copy of the image 5, one is the mirror image of the image 6 in
    another class, and two are others.
    """
    folder, images = make_run(), tmp_path / "data" / "val"
    names = [f"{i % 4}/{i:03}.png" for i in range(96)]
    write_scores(folder, images, names, CLASSES)
    _write_training_set(tmp_path / "data" / "train", images, names)
    kept = class_scores.load(folder / "predictions" / "val.npz")
    kept.test = {"split": "val", "epoch": 1, "iteration": 4}
    class_scores.save(folder / "predictions" / "val.npz", kept)
    config = folder / "20260131_120000" / "vis_data" / "config.py"
    config.write_text(config.read_text().replace("not/there", str(tmp_path / "data")))
    (folder / "digits_resnet20.py").write_text(config.read_text())
    return folder


def _write_training_set(root, images, names):
    generator = np.random.default_rng(1)
    same = Image.open(images / names[5])
    mirrored = Image.open(images / names[6]).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    others = [generator.integers(0, 256, (40, 40, 3), dtype=np.uint8) for _ in range(2)]
    kept = [
        (1, same),
        (3, mirrored),
        (0, Image.fromarray(others[0])),
        (2, Image.fromarray(others[1])),
    ]
    for number, (label, picture) in enumerate(kept):
        (root / str(label)).mkdir(parents=True)
        picture.save(root / str(label) / f"train-{number}.png")


@pytest.fixture
def found(run_folder):
    run = Run(run_folder)
    return Classified(run, Images(), read(run))
