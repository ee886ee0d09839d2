"""Progressive resizing: which size each epoch has, also in workers and after a resumed start."""

import copy
from pathlib import Path

import numpy as np
import odd_images as odd
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import TRANSFORMS
from mmengine.runner import Runner

from mmresnet.config.load import load_config
from mmresnet.datasets.crop_loading import LoadResizedCrop
from mmresnet.datasets.current_sample import Sample, loading
from mmresnet.datasets.own_steps import use_own_steps
from mmresnet.engine.resume.loader import ResumableDataLoader
from mmresnet.errors import UserValueError

pytestmark = pytest.mark.usefixtures("mmpretrain_scope")
CROP = dict(
    type="mmresnet.ProgressiveRandomResizedCrop", min_scale=16, max_scale=32, begin=1, end=3
)


def sizes(epochs, **settings):
    crop = TRANSFORMS.build({**CROP, **settings})
    return [crop.size_at(epoch) for epoch in range(epochs)]


@pytest.mark.parametrize("epochs, last_small", [(16, 11), (40, 31), (88, 70)])
def test_ffcvs_recipes(epochs, last_small):
    """Values of get_resolution of FFCV's train_imagenet.py: np.round(x / 32) * 32 in the ramp."""
    cfg = load_config(f"resnet50_8xb512-ffcv-{epochs}e_in1k")
    crop = TRANSFORMS.build(cfg.train_dataloader.dataset.pipeline[1])
    got = [crop.size_at(epoch) for epoch in range(epochs)]
    assert got == [160] * (last_small + 1) + [192] * (epochs - last_small - 1)
    for epoch, size in enumerate(got):
        x = np.interp(epoch, [crop.begin, crop.end], [160, 192])
        assert size == int(np.round(x / 32)) * 32


def test_a_ramp_of_several_steps():
    got = sizes(8, min_scale=100, max_scale=200, begin=1, end=6, divisor=32)
    assert got == [100, 100, 128, 128, 160, 192, 200, 200]
    assert sizes(5, min_scale=64, max_scale=96, begin=2, end=2) == [64, 64, 64, 96, 96]
    assert sizes(3, min_scale=64, max_scale=64, begin=0, end=2) == [64, 64, 64]


@pytest.mark.parametrize(
    "wrong, said",
    [
        (dict(min_scale=33), "min_scale=33 and max_scale=32"),
        (dict(min_scale=0), "min_scale=0"),
        (dict(begin=4), "begin=4 and end=3"),
        (dict(begin=-1), "begin=-1"),
        (dict(divisor=0), "divisor=0"),
    ],
)
def test_wrong_numbers(wrong, said):
    crop = {**CROP, **wrong}
    kind = TRANSFORMS.get(crop.pop("type"))
    with pytest.raises(UserValueError, match=said):
        kind(**crop)


def test_draws_and_pixels_are_those_of_the_stock_crop(tmp_path):
    """At each size, alone and as one step with the loading."""
    path = odd.write(tmp_path, "plain.jpg")
    load = dict(type="mmresnet.LoadImageFromFile", scaled_decoding=False)
    two, one = Compose([load, CROP]), Compose([load, CROP])
    use_own_steps(one)
    assert [type(step) for step in one.transforms] == [LoadResizedCrop]
    for epoch, size in ((None, 32), (1, 16), (3, 32)):
        stock = Compose([load, dict(type="RandomResizedCrop", scale=size)])
        images = []
        for pipeline in (stock, two, one):
            np.random.seed(5)
            if epoch is None:
                images.append(pipeline({"img_path": str(path)})["img"])
            else:
                with loading() as set_current:
                    set_current(Sample(seed=0, epoch=epoch, index=7))
                    images.append(pipeline({"img_path": str(path)})["img"])
        assert images[0].shape == (size, size, 3)
        assert all(np.array_equal(images[0], image) for image in images[1:])


@pytest.fixture
def loader(tiny_images: Path):
    """``loader(workers)`` returns one of 12 images, four to a batch."""

    def make(workers: int) -> ResumableDataLoader:
        dataset = dict(
            type="mmresnet.CustomDataset",
            data_root=str(tiny_images),
            data_prefix="train",
            pipeline=[
                dict(type="LoadImageFromFile"),
                copy.deepcopy(CROP),
                dict(type="PackInputs"),
            ],
        )
        config = dict(
            batch_size=4,
            num_workers=workers,
            persistent_workers=workers > 0,
            dataset=dataset,
            sampler=dict(type="DefaultSampler", shuffle=True),
            collate_fn=dict(type="default_collate"),
        )
        return ResumableDataLoader(Runner.build_dataloader(config, seed=3), 3)

    return make


def test_workers_that_outlive_epochs(loader):
    one, many = loader(0), loader(2)
    for epoch in range(4):
        one.begin(epoch)
        many.begin(epoch)
        for a, b in zip(one.rest(), many.rest(), strict=True):
            assert a["inputs"].shape[-2:] == ((16, 16), (16, 16), (32, 32), (32, 32))[epoch]
            assert torch.equal(a["inputs"], b["inputs"])


def test_continued_within_an_epoch(loader):
    whole, resumed = loader(0), loader(2)
    whole.begin(2)
    batches = list(whole.rest())
    whole.begin(2, 1)
    resumed.load_state_dict(whole.state_dict())
    rest = list(resumed.rest())
    assert len(rest) == len(batches) - 1
    for a, b in zip(batches[1:], rest, strict=True):
        assert a["inputs"].shape == (4, 3, 32, 32)
        assert torch.equal(a["inputs"], b["inputs"])
