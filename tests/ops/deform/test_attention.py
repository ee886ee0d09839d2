"""Multi-scale deformable attention, as mmcv calls it on a GPU."""

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

import mmresnet.ops

mmresnet.ops.install()
from mmcv.ops import MultiScaleDeformableAttention  # noqa: E402  needs the operators
from mmcv.ops.multi_scale_deform_attn import (  # noqa: E402
    MultiScaleDeformableAttnFunction,
    multi_scale_deformable_attn_pytorch,
)

SHAPES = torch.tensor([[4, 5], [2, 3]])
STARTS = torch.tensor([0, 20])


def inputs(dtype: torch.dtype = torch.float64, images: int = 2) -> list[Tensor]:
    """Return value, locations and weights: 2 heads of 3 channels, 4 queries, 2 points a level."""
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(images, 26, 2, 3, generator=generator, dtype=torch.float64)
    locations = torch.rand(images, 4, 2, 2, 2, 2, generator=generator, dtype=torch.float64)
    weights = torch.rand(images, 4, 2, 2, 2, generator=generator, dtype=torch.float64)
    tensors = (value, 1.4 * locations - 0.2, weights)  # some outside the maps
    return [tensor.to(dtype).requires_grad_() for tensor in tensors]


def attend(value: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
    return MultiScaleDeformableAttnFunction.apply(value, SHAPES, STARTS, locations, weights, 64)


def reference(value: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
    """Point by point, each interpolated between four pixels."""
    images, queries, heads = locations.shape[:3]
    output = value.new_zeros(images, queries, heads, value.shape[3])
    for place in torch.cartesian_prod(*map(torch.arange, locations.shape[:5])).tolist():
        n, q, head, level, point = place
        height, width = SHAPES[level].tolist()
        x = locations[n, q, head, level, point, 0] * width - 0.5
        y = locations[n, q, head, level, point, 1] * height - 0.5
        for row in (int(y.floor()), int(y.floor()) + 1):
            for column in (int(x.floor()), int(x.floor()) + 1):
                if 0 <= row < height and 0 <= column < width:
                    share = (1 - (y - row).abs()) * (1 - (x - column).abs())
                    pixel = value[n, STARTS[level] + row * width + column, head]
                    output[n, q, head] += weights[n, q, head, level, point] * share * pixel
    return output.flatten(2)


def test_by_hand() -> None:
    """One head, one query, one level of 1 × 2 pixels, and a point midway between the two."""
    value = torch.tensor([[[[2.0]], [[6.0]]]])
    point, weight = torch.full((1, 1, 1, 1, 1, 2), 0.5), torch.full((1, 1, 1, 1, 1), 0.5)
    shapes, starts = torch.tensor([[1, 2]]), torch.tensor([0])
    output = MultiScaleDeformableAttnFunction.apply(value, shapes, starts, point, weight, 64)
    assert output.tolist() == [[[2.0]]]  # half of the mean of 2 and 6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_agrees_with_a_reference(dtype: torch.dtype) -> None:
    ours, theirs = inputs(dtype), inputs(dtype)
    output, expected = attend(*ours), reference(*theirs)
    torch.testing.assert_close(output, expected)
    gradient = torch.randn(output.shape, dtype=dtype)
    output.backward(gradient)
    expected.backward(gradient)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-5)


def test_gradcheck() -> None:
    assert gradcheck(attend, inputs(images=1))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_16_bit_inputs_give_16_bit_outputs(dtype: torch.dtype) -> None:
    """Under autocast the values have 16 bits and the locations 32."""
    value, locations, weights = inputs(torch.float32)
    narrow = value.detach().to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype):
        output = attend(narrow, locations, weights)
    output.sum().backward()
    assert output.dtype == narrow.grad.dtype == dtype
    expected = multi_scale_deformable_attn_pytorch(
        narrow.detach().float(), SHAPES, locations.to(dtype).float(), weights.to(dtype).float()
    )
    torch.testing.assert_close(output, expected.to(dtype))
    assert locations.grad.dtype == torch.float32


def test_no_images() -> None:
    tensors = inputs(images=0)
    output = attend(*tensors)
    assert output.shape == (0, 4, 6)
    output.sum().backward()
    assert tensors[0].grad.shape == (0, 26, 2, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_layer_runs_on_the_cpu(dtype: torch.dtype) -> None:
    """There mmcv calls its own PyTorch function."""
    layer = MultiScaleDeformableAttention(8, 2, 2, 2, batch_first=True)
    query = torch.randn(1, 26, 8, requires_grad=True)
    points = torch.rand(1, 26, 2, 2)
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        output = layer(
            query, reference_points=points, spatial_shapes=SHAPES, level_start_index=STARTS
        )
    output.float().sum().backward()
    assert output.shape == (1, 26, 8)
    assert query.grad.abs().sum() > 0
