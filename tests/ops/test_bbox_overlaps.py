"""Overlaps of boxes, through ``mmcv.ops``."""

import pytest
import torch
from torchvision.ops import box_iou

import mmresnet.ops

mmresnet.ops.install()
from mmcv.ops import bbox_overlaps  # noqa: E402  needs the operator
from mmcv.ops.bbox import _bbox_overlaps_cpu  # noqa: E402

A = torch.tensor([[0.0, 0, 2, 2], [0, 0, 4, 1]])
B = torch.tensor([[1.0, 1, 3, 3], [0, 0, 1, 1], [5, 5, 6, 6]])


def random_boxes(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 2, generator=generator) * 30
    return torch.cat([low, low + torch.rand(count, 2, generator=generator) * 20], 1)


def test_by_hand() -> None:
    assert bbox_overlaps(A, B).tolist() == [
        pytest.approx([1 / 7, 1 / 4, 0]),
        pytest.approx([0, 1 / 4, 0]),
    ]
    assert bbox_overlaps(A, B, mode="iof").tolist() == [[0.25, 0.25, 0], [0, 0.25, 0]]
    assert bbox_overlaps(A, B[:2], aligned=True).tolist() == pytest.approx([1 / 7, 1 / 4])
    assert bbox_overlaps(A, B[:2], mode="iof", aligned=True).tolist() == [0.25, 0.25]
    # the last pixels belong to the boxes, which are 3 × 3 pixels, and share 2 × 2
    assert bbox_overlaps(A[:1], B[:1], offset=1).tolist() == [pytest.approx([4 / 14])]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("mode", ["iou", "iof"])
def test_equals_mmcvs_python_function(mode, aligned, offset, dtype) -> None:
    """mmcv has one for a PyTorch of another publisher; its C++ is the same, line by line."""
    first, second = random_boxes(40, 0).to(dtype), random_boxes(40 if aligned else 30, 1).to(dtype)
    expected = _bbox_overlaps_cpu(first, second, mode, aligned, offset)
    found = bbox_overlaps(first, second, mode, aligned, offset)
    assert torch.equal(found, expected)
    if mode == "iou" and not aligned and offset == 0:
        assert torch.equal(found, box_iou(first, second))


def test_half_precision_is_computed_in_float32() -> None:
    first, second = random_boxes(20, 0).half(), random_boxes(20, 1).half()
    found = bbox_overlaps(first, second)
    assert torch.equal(found, bbox_overlaps(first.float(), second.float()).half())


def test_no_boxes() -> None:
    assert bbox_overlaps(A[:0], B).shape == (0, 3)
    assert bbox_overlaps(A, torch.empty(0)).shape == (2, 0)
