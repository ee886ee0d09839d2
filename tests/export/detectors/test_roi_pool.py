"""RoIPool in plain operators computes what mmcv's computes, bit for bit, in every runtime."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import mmresnet.ops
from mmresnet.export.detectors.roi_pool import LARGEST_BIN, roi_pool
from mmresnet.export.wrappers import Exportable

STRIDE = 16


def _boxes(height: int, width: int) -> Tensor:
    """Random boxes, and some whose edges are those of bins, of the image, or outside of it."""
    ends = torch.rand(40, 2, 2, generator=torch.Generator().manual_seed(0))
    low, high = ends.amin(1), ends.amax(1)
    random = torch.cat((low, high), 1) * torch.tensor([width, height, width, height])
    special = [
        [0, 0, width, height],
        [0, 0, width - 1, height - 1],
        [width, height, width, height],
        [16, 32, 47, 63],
        [40, 40, 20, 20],
        [-90, -90, -30, -30],
        [-30, -30, 40, 70],
    ]
    return torch.cat((random, torch.tensor(special, dtype=torch.float32)))


@pytest.mark.parametrize("size", [(14, 14), (7, 5), (1, 1)], ids=str)
@pytest.mark.parametrize(("height", "width"), [(30, 20), (2, 31)])
def test_agrees_with_mmcv(size, height: int, width: int) -> None:
    mmresnet.ops.install()
    from mmcv.ops import roi_pool as of_mmcv

    features = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(1))
    boxes = _boxes(height * STRIDE, width * STRIDE)
    rois = torch.cat((torch.zeros(len(boxes), 1), boxes), 1)
    found = roi_pool(features, boxes, size, 1 / STRIDE)
    assert torch.equal(found, of_mmcv(features, rois, size, 1 / STRIDE))
    assert (found == 0).all((1, 2, 3)).sum() >= 2  # outside, and one whose end precedes its start


def test_no_boxes() -> None:
    found = roi_pool(torch.randn(1, 3, 5, 6), torch.zeros(0, 4), (7, 7), 1 / 16)
    assert found.shape == (0, 3, 7, 7)


def test_the_largest_bin() -> None:
    """Every pixel of it counts."""
    features = torch.eye(LARGEST_BIN**2).view(1, -1, LARGEST_BIN, LARGEST_BIN)
    box = torch.tensor([[0.0, 0, LARGEST_BIN - 1, LARGEST_BIN - 1]])
    assert (roi_pool(features, box, (1, 1), 1.0) == 1).all()


class Pooling(Exportable):
    """Boxes that follow the size of the image, pooled from its pixels."""

    output_names, dynamic, example, through_onnx = ("features",), (1, 2), (1, 40, 60, 3), True

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("boxes", _boxes(400, 400) * STRIDE / 400)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        maps = images.permute(0, 3, 1, 2).float()
        height, width = (torch.scalar_tensor(size) for size in images.shape[1:3])
        boxes = self.boxes * torch.stack((width, height, width, height))
        return (roi_pool(maps, boxes, (7, 7), 1 / STRIDE),)


@pytest.mark.full
@pytest.mark.parametrize("name", ["onnx", "openvino", "torch", "aoti"])
def test_other_runtimes_compute_the_same(name: str, tmp_path: Path) -> None:
    from mmresnet.export.targets import TARGETS

    for package in TARGETS[name].packages:
        pytest.importorskip(package)
    module = Pooling()
    assert TARGETS[name].write(module, tmp_path)["input_shape"] == [1, None, None, 3]
    predict = TARGETS[name].load(tmp_path)
    for height, width in ((40, 60), (75, 125), (100, 31)):
        images = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)
        (found,) = predict(images)
        assert np.array_equal(found, module(torch.from_numpy(images))[0].numpy())
