"""Average RoIAlign as a sparse product, through ``mmcv.ops``."""

import pytest
import torch
from torch import Tensor
from torchvision.ops import roi_align as torchvision_roi_align

import mmresnet.ops

mmresnet.ops.install()
from mmcv.ops import roi_align  # noqa: E402  needs the operators

from mmresnet.ops.roi_align import operator as module  # noqa: E402
from mmresnet.ops.roi_align import sparse as roi_align_sparse  # noqa: E402


@pytest.fixture(autouse=True)
def always_sparse(monkeypatch) -> None:
    for rule in ("_sparse_forward", "_sparse_backward"):
        monkeypatch.setattr(module, rule, lambda *_: True)


def random_boxes(count: int, images: int, height: int, width: int) -> Tensor:
    """Boxes of all sizes, some of them across the border and some of no size."""
    generator = torch.Generator().manual_seed(count)
    limit = torch.tensor([width, height])
    start = (torch.rand(count, 2, generator=generator) * 1.4 - 0.2) * limit
    size = torch.rand(count, 2, generator=generator) * torch.rand(count, 1, generator=generator)
    end = start + size * limit
    end[::7] = start[::7]
    image = torch.randint(0, images, (count, 1), generator=generator)
    return torch.cat((image, start, end), 1)


@pytest.mark.parametrize("limits", [None, dict(CHUNK=300, GROUP=1), dict(BLOCK=1, LARGE=1)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("count", [1, 9, 60])
def test_agrees_with_torchvision(
    count: int, memory_format: torch.memory_format, limits: dict | None, monkeypatch
) -> None:
    """On random boxes, with the default limits of memory and with very low ones."""
    for name, value in (limits or {}).items():
        monkeypatch.setattr(roi_align_sparse, name, value)
    for case in range(12):
        generator = torch.Generator().manual_seed(100 * count + case)
        images, channels, height, width = (
            int(torch.randint(1, most + 1, (), generator=generator)) for most in (3, 40, 50, 45)
        )
        size = ((7, 7), (14, 14), (3, 2))[case % 3]
        scale, sampling_ratio, aligned = (1.0, 1 / 16)[case % 2], case % 4, case % 5 < 3
        features = torch.randn(images, channels, height, width, generator=generator)
        features = features.contiguous(memory_format=memory_format)
        rois = random_boxes(count, images, height, width)
        rois[:, 1:] /= scale
        ours, theirs = features.clone().requires_grad_(), features.clone().requires_grad_()
        output = roi_align(ours, rois, size, scale, sampling_ratio, "avg", aligned)
        expected = torchvision_roi_align(theirs, rois, size, scale, sampling_ratio, aligned)
        assert (output - expected).abs().max() < 1e-5
        weights = torch.randn(output.shape, generator=generator)
        output.backward(weights)
        expected.backward(weights, retain_graph=True)
        # a sum of many terms is as exact as they are large
        (terms,) = torch.autograd.grad(expected, theirs, weights.abs())
        assert ((ours.grad - theirs.grad).abs() / terms.clamp(min=1)).max() < 1e-5


def test_a_large_box_beside_small_ones() -> None:
    """The many samples of an unclipped box are not allocated for the other boxes as well."""
    features, small = torch.randn(1, 3, 8, 9), random_boxes(300, 1, 8, 9)
    far = torch.tensor([[0.0, -70000.5, -70000.5, 69999.5, 69999.5]])
    rois = torch.cat((small, far))
    output = roi_align(features, rois, 7, 1.0, 0, "avg", True)
    expected = torchvision_roi_align(features, small, 7, 1.0, 0, True)
    torch.testing.assert_close(output[:300], expected, rtol=0, atol=1e-5)
    # the bin in the middle has 20 000 samples along each axis, at -0.5, 0.5, 1.5 … on the map: each
    # pixel gets one, half from either side, and those at the border another half
    assert output[300].count_nonzero() == 3
    rows, columns = torch.ones(8, 1), torch.ones(9)
    rows[[0, -1]] = columns[[0, -1]] = 1.5
    expected = (features[0] * rows * columns).sum((1, 2))
    torch.testing.assert_close(output[300, :, 3, 3] * 2e4**2, expected, rtol=0, atol=0.1)


def test_same_bits_with_any_number_of_threads() -> None:
    features, rois = torch.randn(2, 64, 40, 50), random_boxes(200, 2, 40, 50)
    weights = torch.randn(200, 64, 7, 7)
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3, 1):
            torch.set_num_threads(count)
            leaf = features.clone().requires_grad_()
            output = roi_align(leaf, rois, 7, 1.0, 0, "avg", True)
            output.backward(weights)
            results.append((output.detach(), leaf.grad))
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert torch.equal(results[0][0], other[0])
        assert torch.equal(results[0][1], other[1])
