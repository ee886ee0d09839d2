"""RoIPool, through ``mmcv.ops``."""

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

import mmresnet.ops

mmresnet.ops.install()
from mmcv.ops import RoIPool, roi_pool  # noqa: E402  needs the operators

# inside, across the border, around the whole map, outside, and in image 0 again
ROIS = torch.tensor(
    [
        [0, 1.3, 2, 6, 5],
        [1, -3, -3, 4.2, 9],
        [1, -40, -40, 90, 90],
        [1, 30, 30, 50, 50],
        [0, 0.4, 3.7, 11, 3.9],
    ]
)


def distinct(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return a map whose values differ by more than gradcheck's step."""
    count = math.prod(shape)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    return (order.to(dtype) - count / 2).view(shape) / 16


def reference(features: Tensor, rois: Tensor, size: tuple[int, int], scale: float) -> Tensor:
    """Bin by bin, differentiated by PyTorch."""
    height, width = features.shape[2:]
    output = features.new_zeros(len(rois), features.shape[1], *size)
    for index, (image, *box) in enumerate(rois.tolist()):
        x1, y1, x2, y2 = box[0] * scale, box[1] * scale, (box[2] + 1) * scale, (box[3] + 1) * scale
        tall, wide = (y2 - y1) / size[0], (x2 - x1) / size[1]
        if tall <= 0 or wide <= 0:
            continue
        for p in range(size[0]):
            for q in range(size[1]):
                top = max(math.floor(y1 + p * tall), 0)
                bottom = min(math.ceil(y1 + (p + 1) * tall), height)
                left = max(math.floor(x1 + q * wide), 0)
                right = min(math.ceil(x1 + (q + 1) * wide), width)
                if top < bottom and left < right:
                    window = features[int(image), :, top:bottom, left:right]
                    output[index, :, p, q] = window.flatten(1).amax(1)
    return output


def test_by_hand() -> None:
    """A box from pixel 0 to 3 in two bins: columns 0-1 and 2-3, and the same of rows."""
    features = torch.arange(16.0).view(1, 1, 4, 4).requires_grad_()
    output = roi_pool(features, torch.tensor([[0.0, 0, 0, 3, 3]]), 2, 1.0)
    assert output.tolist() == [[[[5, 7], [13, 15]]]]
    output.backward(torch.tensor([[[[1.0, 2], [3, 4]]]]))
    assert features.grad.view(-1).nonzero()[:, 0].tolist() == [5, 7, 13, 15]
    assert features.grad.view(-1)[[5, 7, 13, 15]].tolist() == [1, 2, 3, 4]
    # half a pixel further, each bin is rounded outwards: columns 0-2 and 2-3
    shifted = roi_pool(features, torch.tensor([[0.0, 0.5, 0, 3.5, 3]]), 2, 1.0)
    assert shifted.tolist() == [[[[6, 7], [14, 15]]]]


@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("size", [(3, 2), (7, 7), (1, 1)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_agrees_with_a_reference(dtype: torch.dtype, size: tuple[int, int], scale: float) -> None:
    ours, theirs = (distinct(2, 3, 8, 10, dtype=dtype).requires_grad_() for _ in range(2))
    rois = ROIS.to(dtype)
    output, expected = roi_pool(ours, rois, size, scale), reference(theirs, rois, size, scale)
    assert torch.equal(output, expected)
    weights = torch.randn(output.shape, dtype=dtype)
    output.backward(weights)
    expected.backward(weights)
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_gradcheck() -> None:
    features = distinct(2, 2, 6, 7).requires_grad_()
    assert gradcheck(lambda x: roi_pool(x, ROIS.double(), (3, 2), 0.8), (features,))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_16_bit_inputs_give_16_bit_outputs(dtype: torch.dtype) -> None:
    features = distinct(2, 3, 5, 5, dtype=torch.float32).to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype):
        output = RoIPool((2, 2), 0.5)(features, ROIS)  # the boxes are float32
    assert output.dtype == dtype
    assert torch.equal(output.float(), reference(features.detach().float(), ROIS, (2, 2), 0.5))
    output.backward(torch.ones_like(output))
    assert features.grad.dtype == dtype
    assert features.grad.sum() == (output != 0).sum()


def test_a_box_outside_the_map_gives_zeros_and_no_gradient() -> None:
    features = distinct(1, 2, 5, 5).requires_grad_()
    outside = torch.tensor([[0.0, 30, 30, 50, 50], [0, -9, -9, -3, -3]], dtype=torch.float64)
    output = roi_pool(features, outside, 2, 1.0)
    output.sum().backward()
    assert not output.any()
    assert not features.grad.any()


def test_an_inverted_box_gives_zeros_and_no_gradient() -> None:
    features = distinct(1, 2, 5, 5).requires_grad_()
    inverted = torch.tensor([[0, 3.9, 1, 2.6, 4], [0, 1, 3.9, 4, 2.6]], dtype=torch.float64)
    output = roi_pool(features, inverted, 2, 1.0)
    output.sum().backward()
    assert not output.any()
    assert not features.grad.any()


def test_of_equal_maxima_the_first_gets_the_gradient() -> None:
    features = torch.tensor([[[[0.0, 2], [2, 2]]]], requires_grad=True)
    roi_pool(features, torch.tensor([[0.0, 0, 0, 1, 1]]), 1, 1.0).sum().backward()
    assert features.grad.tolist() == [[[[0, 1], [0, 0]]]]


@pytest.mark.parametrize(("boxes", "images"), [(0, 2), (0, 0)])
def test_no_boxes(boxes: int, images: int) -> None:
    features = torch.zeros(images, 3, 5, 5, requires_grad=True)
    output = roi_pool(features, torch.zeros(boxes, 5), 2, 1.0)
    assert output.shape == (0, 3, 2, 2)
    output.sum().backward()
    assert features.grad.shape == features.shape


@pytest.mark.parametrize("image", [-1, 2])
def test_an_image_index_out_of_range_is_reported(image: int) -> None:
    rois = torch.tensor([[0.0, 0, 0, 1, 1], [image, 0, 0, 1, 1]])
    with pytest.raises(ValueError, match=f"Box 1 is in image {image}, .* images 0 to 1"):
        roi_pool(torch.zeros(2, 1, 4, 4), rois, 2, 1.0)
