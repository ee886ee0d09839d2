"""The quicker steps draw what mmpretrain's draw and give what they give, bit for bit."""

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose

from mmresnet.datasets.own_steps import use_own_steps

pytestmark = pytest.mark.usefixtures("mmpretrain_scope")
IMAGES = {
    "square": np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8),
    "wide": np.random.default_rng(1).integers(0, 256, (24, 45, 3), np.uint8),
    "small": np.random.default_rng(2).integers(0, 256, (9, 7, 3), np.uint8),
    "one channel": np.random.default_rng(3).integers(0, 256, (32, 32, 1), np.uint8),
    "floats": np.random.default_rng(4).normal(size=(32, 32, 3)).astype(np.float32),
}
PIPELINES = {
    "CIFAR": [
        dict(type="RandomCrop", crop_size=32, padding=4),
        dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    ],
    "flip first": [
        dict(type="RandomFlip", prob=0.7, direction="horizontal"),
        dict(type="RandomCrop", crop_size=32, padding=4, pad_val=(125, 123, 114)),
    ],
    "vertical": [dict(type="RandomFlip", prob=0.3, direction="vertical")],
    "diagonal": [dict(type="RandomFlip", prob=1.0, direction="diagonal")],
    "never": [dict(type="RandomFlip", prob=0.0, direction="horizontal")],
    "large border": [dict(type="RandomCrop", crop_size=(8, 6), padding=20)],
}
# settings that the quicker steps leave to mmpretrain's
STOCK = {
    "pad_if_needed": dict(type="RandomCrop", crop_size=40, padding=2, pad_if_needed=True),
    "two borders": dict(type="RandomCrop", crop_size=16, padding=(2, 3)),
    "no border": dict(type="RandomCrop", crop_size=16),
    "one number for the colour": dict(type="RandomCrop", crop_size=32, padding=4, pad_val=9),
    "two directions": dict(type="RandomFlip", prob=0.5, direction=["horizontal", "vertical"]),
    "two shares": dict(type="RandomFlip", prob=[0.3, 0.3], direction=["horizontal", "vertical"]),
}


def both(steps):
    """Return a pipeline with mmpretrain's steps, and one with ours."""
    stock, own = Compose(steps), Compose(steps)
    use_own_steps(own)
    return stock, own


def check_equal(stock, own, image, seeds=12):
    for seed in range(seeds):
        results = []
        for pipeline in (stock, own):
            np.random.seed(seed)
            packed = pipeline({"img": image.copy(), "gt_label": 3, "sample_idx": 5})
            results.append((packed, np.random.random()))
        (a, after_a), (b, after_b) = results
        assert after_a == after_b
        assert a["inputs"].dtype == b["inputs"].dtype
        assert b["inputs"].is_contiguous()
        assert torch.equal(a["inputs"], b["inputs"])
        assert a["data_samples"].metainfo == b["data_samples"].metainfo
        assert torch.equal(a["data_samples"].gt_label, b["data_samples"].gt_label)


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("name", PIPELINES)
def test_equal(name, image):
    steps = PIPELINES[name]
    if image == "one channel" and any("pad_val" in step for step in steps):
        pytest.skip("a colour for three channels")
    stock, own = both([*steps, dict(type="PackInputs")])
    assert all(type(step).__module__.startswith("mmresnet.") for step in own.transforms)
    check_equal(stock, own, IMAGES[image])


@pytest.mark.parametrize("name", STOCK)
def test_other_settings(name):
    stock, own = both([STOCK[name], dict(type="PackInputs")])
    assert type(own.transforms[0]) is type(stock.transforms[0])
    check_equal(stock, own, IMAGES["square"])


def test_boxes_are_flipped_too():
    stock, own = both([dict(type="RandomFlip", prob=1.0, direction="horizontal")])
    info = {"img": IMAGES["wide"], "gt_bboxes": np.array([[1.0, 2, 10, 12]])}
    np.testing.assert_array_equal(stock(dict(info))["gt_bboxes"], own(dict(info))["gt_bboxes"])


def test_one_draw_for_several_images():
    from mmcv.transforms.utils import cache_random_params

    _, own = both([PIPELINES["CIFAR"][0], PIPELINES["CIFAR"][1]])
    for step in own.transforms:
        with cache_random_params(step):
            crops = [step({"img": IMAGES["square"].copy()})["img"] for _ in range(8)]
        assert all((crop == crops[0]).all() for crop in crops)


def test_a_subclass_stays():
    from mmpretrain.datasets.transforms import PackInputs

    class Special(PackInputs):
        pass

    pipeline = Compose([Special()])
    use_own_steps(pipeline)
    assert type(pipeline.transforms[0]) is Special
