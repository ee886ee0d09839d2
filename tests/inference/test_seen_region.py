"""Which part of an image the model sees: found by what a pipeline does, whatever its steps."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

from mmengine.config import Config

from mmresnet.inference.pipeline import Reader
from mmresnet.inference.seen_region import SeenRegions
from mmresnet.inference.sources import Source

LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "PackInputs"}
SHORT = {"type": "ResizeEdge", "scale": 256, "edge": "short"}
CROP = {"type": "CenterCrop", "crop_size": 224}
PILLOW = (
    {"type": "NumpyToPIL", "to_rgb": True},
    {"type": "torchvision/Resize", "size": 256},
    {"type": "torchvision/CenterCrop", "size": 224},
    {"type": "PILToNumpy", "to_bgr": True},
)
NORMALIZE = {"type": "Normalize", "mean": [100, 110, 120], "std": [50, 60, 70]}
PAD = {"type": "Pad", "size": (400, 400), "pad_val": {"img": 255}}
# of an image of 500×375, 256 / 375 as large after resizing
CROPPED = ((500 - 224 * 375 / 256) / 2, (375 - 224 * 375 / 256) / 2)


def reader(*steps, kind="CustomDataset"):
    dataset = {"type": kind, "pipeline": list(steps)}
    return Reader(Config({"default_scope": "mmpretrain", "test_dataloader": {"dataset": dataset}}))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], (0, 0, 500, 375)),
        ([{"type": "Resize", "scale": 64}], (0, 0, 500, 375)),
        ([SHORT, CROP], (*CROPPED, 500 - CROPPED[0], 375 - CROPPED[1])),
        (PILLOW, (*CROPPED, 500 - CROPPED[0], 375 - CROPPED[1])),
        ([SHORT, CROP, NORMALIZE], (*CROPPED, 500 - CROPPED[0], 375 - CROPPED[1])),
        ([{"type": "Resize", "scale": (400, 400), "keep_ratio": True}, PAD], (0, 0, 500, 500)),
    ],
)
@pytest.mark.parametrize("load", [{}, {"color_type": "grayscale"}])
def test_the_region_is_what_the_steps_leave(steps, expected, load):
    if load:  # one channel
        steps = [step for step in steps if step is not NORMALIZE and step not in PILLOW]
        expected = expected if steps else (0, 0, 500, 375)
    region = SeenRegions(reader(LOAD | load, *steps, PACK)).of(375, 500)
    assert region == pytest.approx(expected, abs=1)


def test_a_set_in_memory_has_images_of_one_size():
    assert SeenRegions(reader(PACK, kind="CIFAR10")).of(90, 60) == pytest.approx(
        (0, 0, 60, 90), abs=1
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (2, 3)])
def test_the_smallest_images_have_one_too(size):
    region = SeenRegions(reader(LOAD, PACK)).of(*size)
    assert region == pytest.approx((0, 0, *size[::-1]), abs=0.1)


def test_a_mark_in_the_image_is_where_the_region_says():
    image = np.zeros((375, 500, 3), np.uint8)
    image[100:110, 300:310] = 255
    reading = reader(LOAD, SHORT, CROP, PACK)
    left, top, right, bottom = SeenRegions(reading).of(375, 500)
    (found,) = reading.read([Source("", array=image)])
    rows, columns = np.nonzero(found.data["inputs"][0].numpy() > 128)
    assert left + (columns.mean() + 0.5) / 224 * (right - left) == pytest.approx(305, abs=0.7)
    assert top + (rows.mean() + 0.5) / 224 * (bottom - top) == pytest.approx(105, abs=0.7)
