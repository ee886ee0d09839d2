"""RoIAlign, through ``mmcv.ops``, by each implementation."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

import mmresnet.ops

mmresnet.ops.install()
from mmcv.ops import RoIAlign, roi_align  # noqa: E402  needs the operators

from mmresnet.ops.roi_align import operator as module  # noqa: E402
from mmresnet.ops.roi_align import sparse as roi_align_sparse  # noqa: E402

# inside, across the border, around the whole map, outside, of no size, smaller than a pixel, flat,
# inverted; images not in order
ROIS = torch.tensor(
    [
        [1, 1.3, 2, 6, 5],
        [0, -3, -3, 4.2, 9],
        [1, -4, -5, 15, 13],
        [1, 30, 30, 50, 50],
        [0, 3, 4, 3, 4],
        [0, 2.1, 3.2, 2.6, 3.5],
        [1, 1, 4, 9, 4],
        [0, 6, 2, 4, 6],
    ]
)
ORDERED = ROIS[:-1]


@pytest.fixture(params=["sparse", "torchvision"])
def implementation(request, monkeypatch) -> Iterator[str]:
    """Each implementation in turn, whatever is faster."""
    for rule in ("_sparse_forward", "_sparse_backward"):
        monkeypatch.setattr(module, rule, lambda *_: request.param == "sparse")
    return request.param


def reference(
    features: Tensor,
    rois: Tensor,
    size: tuple[int, int],
    scale: float = 1.0,
    sampling_ratio: int = 0,
    pool_mode: str = "avg",
    aligned: bool = True,
) -> Tensor:
    """Sample by sample, in Python's floats, differentiated by PyTorch."""
    height, width = features.shape[2:]

    def neighbours(coordinate: float, extent: int) -> list[tuple[int, float]]:
        low = math.floor(min(max(coordinate, 0), extent - 1))
        share = min(max(coordinate, 0), extent - 1) - low
        return [(low, 1 - share), (min(low + 1, extent - 1), share)]

    def sample(image: int, y: float, x: float) -> Tensor:
        if not (-1 <= y <= height and -1 <= x <= width):
            return features.new_zeros(features.shape[1])
        return sum(
            features[image, :, row, column] * (down * across)
            for row, down in neighbours(y, height)
            for column, across in neighbours(x, width)
        )

    output = features.new_zeros(len(rois), features.shape[1], *size)
    for index, (image, *box) in enumerate(rois.tolist()):
        left, top, right, bottom = (edge * scale - aligned * 0.5 for edge in box)
        tall, wide = bottom - top, right - left
        if not aligned:
            tall, wide = max(tall, 1), max(wide, 1)
        tall, wide = tall / size[0], wide / size[1]
        down = sampling_ratio or max(math.ceil(tall), 0)
        across = sampling_ratio or max(math.ceil(wide), 0)
        for p in range(size[0]):
            for q in range(size[1]):
                values = [
                    sample(
                        int(image),
                        top + (p + (i + 0.5) / down) * tall,
                        left + (q + (j + 0.5) / across) * wide,
                    )
                    for i in range(down)
                    for j in range(across)
                ]
                if values and pool_mode == "avg":
                    output[index, :, p, q] = sum(values) / len(values)
                elif values:
                    output[index, :, p, q] = torch.stack(values).amax(0)
    return output


def test_average_by_hand(implementation: str) -> None:
    """Pixel (y, x) of the map is 4 y + x, which interpolation between pixels keeps."""
    features = torch.arange(16.0).view(1, 1, 4, 4).requires_grad_()
    box = torch.tensor([[0.0, 0, 0, 2, 2]])
    # pixel centres at half-integers: the box reaches from -0.5 to 1.5, its centre is (0.5, 0.5)
    output = roi_align(features, box, 1, 1.0, 1, "avg", True)
    assert output.tolist() == [[[[2.5]]]]
    output.sum().backward()
    assert features.grad[0, 0, :2, :2].tolist() == [[0.25, 0.25], [0.25, 0.25]]
    assert features.grad.sum() == 1
    # at integers: the box reaches from 0 to 2, its centre is pixel (1, 1)
    assert roi_align(features, box, 1, 1.0, 1, "avg", False).tolist() == [[[[5]]]]
    # bins from -0.5 to 0.5 and to 1.5, of one pixel each: samples at 0 and 1
    assert roi_align(features, box, 2, 1.0, 0, "avg", True).tolist() == [[[[0, 1], [4, 5]]]]
    # one bin of two pixels along each axis: the same four samples, averaged
    assert roi_align(features, box, 1, 1.0, 0, "avg", True).tolist() == [[[[2.5]]]]
    # of the samples at -2.5 and 0.5 along each axis, the first is off the map and counts as 0
    shifted = torch.tensor([[0.0, -3.5, -3.5, 2.5, 2.5]])
    assert roi_align(features, shifted, 1, 1.0, 2, "avg", True).tolist() == [[[[0.625]]]]


def test_maximum_by_hand() -> None:
    features = torch.arange(16.0).view(1, 1, 4, 4).requires_grad_()
    box = torch.tensor([[0.0, 0, 0, 2, 2], [0, 1, 1, 1, 1]])
    output, y, x = (torch.full((2, 1, 1, 1), 9.0) for _ in range(3))
    arguments = dict(aligned_height=1, aligned_width=1, spatial_scale=1.0, sampling_ratio=0)
    module.roi_align_forward(features, box, output, y, x, **arguments, pool_mode=0, aligned=True)
    # the samples at 0 and 1 along each axis; the second box has none
    assert output.flatten().tolist() == [5, 0]
    assert y.flatten().tolist() == [1, -1]
    assert x.flatten().tolist() == [1, -1]
    roi_align(features, box, 1, 1.0, 0, "max", True).sum().backward()
    assert features.grad.nonzero().tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("sampling_ratio", [0, 1, 2])
@pytest.mark.parametrize(("size", "scale"), [((2, 3), 1.0), ((1, 1), 0.5)])
@pytest.mark.parametrize("pool_mode", ["avg", "max"])
def test_agrees_with_a_reference(
    implementation: str,
    pool_mode: str,
    size: tuple[int, int],
    scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> None:
    ours, theirs = (
        torch.randn(2, 3, 8, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        for _ in range(2)
    )
    ours, theirs, rois = ours.requires_grad_(), theirs.requires_grad_(), ROIS.double()
    output = roi_align(ours, rois, size, scale, sampling_ratio, pool_mode, aligned)
    expected = reference(theirs, rois, size, scale, sampling_ratio, pool_mode, aligned)
    torch.testing.assert_close(output, expected)
    weights = torch.randn(output.shape, dtype=torch.float64)
    output.backward(weights)
    expected.backward(weights)
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("aligned", [True, False])
def test_gradient_of_the_average(implementation: str, aligned: bool) -> None:
    features = torch.randn(2, 2, 8, 9, dtype=torch.float64, requires_grad=True)
    assert gradcheck(RoIAlign((2, 3), 1.0, 0, "avg", aligned), (features, ROIS.double()))


@pytest.mark.parametrize("aligned", [True, False])
def test_gradient_of_the_maximum(aligned: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 1, 6, 5, dtype=torch.float64, generator=generator)
    layer = RoIAlign((2, 3), 0.5, 0, "max", aligned)
    assert gradcheck(layer, (features.requires_grad_(), ROIS.double()))


@pytest.mark.parametrize("pool_mode", ["avg", "max"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_computed_in_float32(
    implementation: str, dtype: torch.dtype, pool_mode: str
) -> None:
    """Output and gradient are those of float32, rounded once: weights and sums are not rounded."""
    features = torch.randn(2, 40, 40, 60).to(dtype)
    rois = (ORDERED * torch.tensor([1, 5, 5, 5, 5])).to(dtype)
    weights = torch.randn(len(rois), 40, 7, 7).to(dtype)
    results = []
    for kind in (dtype, torch.float32):
        leaf = features.to(kind).contiguous(memory_format=torch.channels_last).requires_grad_()
        with torch.autocast("cpu", dtype, enabled=kind == dtype):
            output = roi_align(leaf, rois.to(kind), 7, 1.0, 0, pool_mode, True)
        output.backward(weights.to(kind))
        assert output.dtype == leaf.grad.dtype == kind
        results.append((output.detach(), leaf.grad))
    for rounded, exact in zip(*results, strict=True):
        assert torch.equal(rounded, exact.to(dtype))


@pytest.mark.parametrize("pool_mode", ["avg", "max"])
def test_any_order_in_memory(implementation: str, pool_mode: str) -> None:
    wide = torch.randn(2, 6, 8, 18)
    expected = roi_align(wide[..., ::2].contiguous(), ORDERED, 3, 1.0, 0, pool_mode, True)
    output = roi_align(wide[..., ::2], ORDERED, 3, 1.0, 0, pool_mode, True)
    assert torch.equal(output, expected)
    channels_last = wide[..., ::2].contiguous(memory_format=torch.channels_last)
    assert torch.equal(roi_align(channels_last, ORDERED, 3, 1.0, 0, pool_mode, True), expected)


@pytest.mark.parametrize("pool_mode", ["avg", "max"])
def test_no_boxes(implementation: str, pool_mode: str) -> None:
    features = torch.randn(2, 3, 8, 9, requires_grad=True)
    output = roi_align(features, torch.zeros(0, 5), (2, 3), 1.0, 0, pool_mode, True)
    assert output.shape == (0, 3, 2, 3)
    output.sum().backward()
    assert torch.equal(features.grad, torch.zeros_like(features))


def test_boxes_outside_the_map(implementation: str) -> None:
    """The matrix is empty, and only the second of three images has boxes."""
    features = torch.randn(3, 4, 8, 9, requires_grad=True)
    rois = torch.tensor([[1.0, 30, 30, 50, 50], [1, 2, 2, 2, 2]])
    output = roi_align(features, rois, 3, 1.0, 0, "avg", True)
    output.sum().backward()
    assert output.count_nonzero() == features.grad.count_nonzero() == 0
    assert features.grad is not None


@pytest.mark.parametrize("box", [[0, 0, 0, math.nan, 4], [0, 0, 0, math.inf, 4]])
def test_a_box_that_is_not_finite_is_reported(box: list[float]) -> None:
    rois = torch.tensor([[0.0, 0, 0, 4, 4], box])
    with pytest.raises(ValueError, match=r"Box 1 of 2 is not finite, \[0.0, .*diverged"):
        roi_align(torch.randn(1, 3, 8, 9), rois, 2)


@pytest.mark.parametrize("image", [-1, 2])
def test_an_image_index_out_of_range_is_reported(image: int) -> None:
    rois = torch.tensor([[0.0, 0, 0, 4, 4], [image, 0, 0, 4, 4]])
    with pytest.raises(ValueError, match=rf"{image}.*map has 2: .* must be from 0 to 1"):
        roi_align(torch.randn(2, 3, 8, 9), rois, 2)


@pytest.mark.parametrize(
    ("boxes", "channels", "memory_format", "expected"),
    [
        (200, 64, torch.contiguous_format, ["forward", "backward"]),
        (20, 64, torch.contiguous_format, ["backward"]),
        (20, 64, torch.channels_last, ["backward"]),
        (20, 512, torch.channels_last, ["forward", "backward"]),
        (200, 16, torch.contiguous_format, ["backward"]),
        (200, 4, torch.channels_last, []),
        (1, 64, torch.channels_last, []),
    ],
)
def test_when_the_sparse_product_is_used(
    boxes: int,
    channels: int,
    memory_format: torch.memory_format,
    expected: list[str],
    monkeypatch,
) -> None:
    called = []
    for function in (roi_align_sparse.forward, roi_align_sparse.backward):

        def spy(*args, function=function) -> None:
            called.append(function.__name__)
            function(*args)

        monkeypatch.setattr(roi_align_sparse, function.__name__, spy)
    features = torch.randn(1, channels, 40, 50).contiguous(memory_format=memory_format)
    rois = torch.tensor([[0.0, 3, 3, 20, 20]]).repeat(boxes, 1)
    roi_align(features.requires_grad_(), rois, 7, 1.0, 0, "avg", True).sum().backward()
    assert called == expected


def test_without_scipy_torchvision_computes_the_gradient(monkeypatch) -> None:
    monkeypatch.setattr(module, "_has_scipy", lambda: False)
    monkeypatch.setattr(roi_align_sparse, "backward", None)
    features = torch.randn(1, 64, 20, 20, requires_grad=True)
    rois = torch.tensor([[0.0, 3, 3, 18, 18]]).repeat(50, 1)
    roi_align(features, rois, 7, 1.0, 0, "avg", True).sum().backward()
    assert features.grad.sum() == pytest.approx(50 * 64 * 49, rel=1e-5)


def test_the_average_does_not_wait_for_the_device() -> None:
    """A meta tensor has no numbers, so that reading one, for which a GPU would wait, fails."""
    features = torch.empty(2, 64, 40, 50, device="meta", requires_grad=True)
    output = roi_align(features, torch.empty(300, 5, device="meta"), 7, 0.25, 0, "avg", True)
    output.sum().backward()
    assert output.shape == (300, 64, 7, 7)
    assert features.grad.shape == features.shape
