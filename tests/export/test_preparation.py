"""run.py prepares images as the recipes do, to the pixel."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("mmpretrain")
from mmengine.dataset import Compose

from mmresnet.engine.assembly import building, prepare
from mmresnet.errors import UserError
from mmresnet.export.preparation import dataset_settings, indented, prepare_like

RECIPES = (
    "digits_resnet20",
    "resnet20_1xb128_cifar10-images",
    "resnet50_8xb32_in1k",
    "resnetv1d50_8xb32_in1k",  # Pillow
    "resnet50_8xb256-rsb-a1-600e_in1k",  # bicubic
)
SIZES = ((300, 400), (401, 300), (256, 256), (30, 500), (100, 90))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    paths = []
    for number, size in enumerate(SIZES):
        small = generator.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC)
        for kind in ("jpg", "png"):
            paths.append(str(folder / f"{number}.{kind}"))
            image.convert("L" if number == 0 else "RGB").save(paths[-1])
    return paths


def prepare_of(cfg):
    lines = ["import cv2", "import numpy as np", *prepare_like(cfg).imports]
    body = indented(["image = cv2.imread(path)", *prepare_like(cfg).lines, "return image"])
    space = {}
    exec("\n".join([*lines, "def prepare(path):", body]), space)
    return space["prepare"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_files_become_the_same_images(recipe, files):
    cfg = prepare(recipe)
    with building(cfg):
        pipeline = Compose(dataset_settings(cfg)["pipeline"])
    run = prepare_of(cfg)
    size = prepare_like(cfg).size
    for path in files:
        expected = pipeline({"img_path": path})["inputs"].numpy().transpose(1, 2, 0)
        np.testing.assert_array_equal(run(path), expected)
        assert size in (None, expected.shape[:2]) or min(expected.shape[:2]) < size[0]


def test_data_in_memory_are_rgb_of_one_size(files):
    preparation = prepare_like(prepare("resnet20_1xb128_cifar10"))
    assert preparation.loads_rgb and preparation.size == (32, 32)
    run = prepare_of(prepare("resnet20_1xb128_cifar10"))
    assert {run(path).shape for path in files} == {(32, 32, 3)}


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"type": "ColorJitter"}, "ColorJitter, which the runner of an exported model cannot do"),
        ({"type": "CenterCrop", "crop_size": 9, "auto_pad": True}, "auto_pad"),
        ({"type": "LoadImageFromFile", "color_type": "grayscale"}, "'grayscale'"),
    ],
)
def test_steps_that_run_py_cannot_do(step, said):
    cfg = prepare("digits_resnet20")
    cfg.val_dataloader.dataset.pipeline.insert(0, step)
    with pytest.raises(UserError, match=said):
        prepare_like(cfg)
