"""A region for training: which one is drawn, its pixels, and its regression target."""

import numpy as np
import pytest
import torch

from mmresnet.datasets.imagenet_loc.regions import CropRegion
from mmresnet.errors import UserError, UserValueError
from mmresnet.models.localizers.boxes import decode
from mmresnet.models.localizers.regions import STDS

BOX = [20, 10, 60, 50]
NEAR = [24, 10, 64, 50]  # IoU: 36 · 40 / (44 · 40) = 0.82
FAR = [50, 10, 90, 50]  # 10 · 40 / (70 · 40) = 0.14


def sample(proposals):
    image = np.zeros((60, 100, 3), np.uint8)
    image[:, :, 0] = np.arange(100) * 2  # brighter to the right
    return {
        "img_path": "a.png",
        "img": image,
        "gt_bboxes": np.float32([BOX]),
        "proposals": np.float32([proposals]),
    }


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_the_target_leads_from_the_region_to_the_box(flip):
    found = CropRegion(16, positive_share=1.0, flip_prob=flip)(sample([NEAR]))
    assert found["img"].shape == (16, 16, 3) and found["img_shape"] == (16, 16)
    assert found["region_label"] == 1
    region = torch.tensor([NEAR], dtype=torch.float32)
    if flip:  # in the mirrored image x becomes 100 - x
        region = torch.tensor([[36.0, 10, 76, 50]])
    box = decode(torch.from_numpy(found["region_deltas"])[None], region, STDS)
    expected = [40, 10, 80, 50] if flip else BOX
    torch.testing.assert_close(box, torch.tensor([expected], dtype=torch.float32))


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_pixels_are_those_of_the_region(flip):
    """40 columns become 16, each the mean of 2.5: the first has its centre at column 25.25."""
    found = CropRegion(16, positive_share=1.0, flip_prob=flip)(sample([NEAR]))
    row = found["img"][8, :, 0].astype(float)
    centres = 24 + (np.arange(16) + 0.5) * 2.5
    expected = 2 * (centres - 0.5)  # a pixel's value is that of its centre
    np.testing.assert_allclose(row[:: -1 if flip else 1], expected, atol=1.0)


def test_one_region_in_four_is_positive():
    np.random.seed(0)
    step = CropRegion(4)
    labels = [step(sample([NEAR, FAR, FAR, NEAR, FAR]))["region_label"] for _ in range(600)]
    assert 0.2 < np.mean(labels) < 0.3


@pytest.mark.parametrize(("only", "label"), [(NEAR, 1), (FAR, 0)])
def test_an_image_with_one_kind_of_regions_gives_these(only, label):
    step = CropRegion(4)
    assert {step(sample([only]))["region_label"] for _ in range(10)} == {label}


def test_mistakes_are_told():
    with pytest.raises(UserValueError, match=r"positive_iou=1.5 must be from 0 to 1"):
        CropRegion(positive_iou=1.5)
    with pytest.raises(UserValueError, match=r"size=0 must be at least 1"):
        CropRegion(size=0)
    without = sample([NEAR])
    del without["proposals"]
    with pytest.raises(UserError, match=r"'a.png' has no proposals: .*--split train"):
        CropRegion()(without)
