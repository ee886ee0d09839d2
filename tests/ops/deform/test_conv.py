"""Deformable convolution, plain and modulated, through ``mmcv.ops``."""

import itertools

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn import functional as F

import mmresnet.ops

mmresnet.ops.install()
from mmcv.ops import (  # noqa: E402  needs the operators
    DeformConv2d,
    DeformConv2dPack,
    ModulatedDeformConv2dPack,
    deform_conv2d,
    modulated_deform_conv2d,
)

from mmresnet.ops.deform import conv as deform_conv  # noqa: E402
from mmresnet.ops.table import operator  # noqa: E402

# kernel, stride, padding, dilation, groups, offset groups
LAYOUTS = [
    ((3, 3), (1, 1), (1, 1), (1, 1), 1, 1),
    ((3, 3), (2, 2), (1, 1), (1, 1), 2, 1),
    ((1, 3), (2, 1), (0, 2), (1, 2), 1, 2),
    ((2, 3), (1, 2), (2, 0), (2, 1), 2, 4),
]


def inputs(layout: tuple, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Return input, offset, mask, weight and bias; the offsets lead some samples off the map."""
    kernel, stride, padding, dilation, groups, offset_groups = layout
    generator = torch.Generator().manual_seed(0)
    size = (7, 8)
    out = [
        (size[axis] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) // stride[axis]
        + 1
        for axis in (0, 1)
    ]
    taps = offset_groups * kernel[0] * kernel[1]

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    tensors = [
        draw(2, 4, *size),
        2 * draw(2, 2 * taps, *out),
        draw(2, taps, *out).sigmoid(),
        draw(6, 4 // groups, *kernel),
        draw(6),
    ]
    return [tensor.to(dtype).requires_grad_() for tensor in tensors]


def reference(
    input: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor, layout: tuple
) -> Tensor:
    """Sample every tap by grid_sample, then multiply; differentiated by PyTorch."""
    kernel, stride, padding, dilation, groups, offset_groups = layout
    count, (height, width), out = len(input), input.shape[2:], offset.shape[2:]
    offset = offset.view(count, offset_groups, *kernel, 2, *out)
    mask = mask.view(count, offset_groups, *kernel, *out)
    rows = torch.arange(out[0], dtype=input.dtype)[:, None] * stride[0] - padding[0]
    columns = torch.arange(out[1], dtype=input.dtype) * stride[1] - padding[1]
    output = bias.view(1, -1, 1, 1)
    parts = zip(range(offset_groups), input.chunk(offset_groups, 1), strict=True)
    samples = {}
    for (group, part), i, j in itertools.product(parts, range(kernel[0]), range(kernel[1])):
        y = rows + i * dilation[0] + offset[:, group, i, j, 0]
        x = columns + j * dilation[1] + offset[:, group, i, j, 1]
        grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
        sampled = F.grid_sample(part, grid, "bilinear", "zeros", align_corners=False)
        samples[group, i, j] = sampled * mask[:, group, i, j, None]
    for i, j in itertools.product(range(kernel[0]), range(kernel[1])):
        tap = torch.cat([samples[group, i, j] for group in range(offset_groups)], 1)
        output = output + F.conv2d(tap, weight[:, :, i : i + 1, j : j + 1], groups=groups)
    return output


def v1(tensors: list[Tensor], layout: tuple) -> Tensor:
    input, offset, _, weight, _ = tensors
    return deform_conv2d(input, offset, weight, *layout[1:])


def v2(tensors: list[Tensor], layout: tuple) -> Tensor:
    return modulated_deform_conv2d(*tensors, *layout[1:])


def test_by_hand() -> None:
    """A 1 × 1 kernel, shifted by a quarter of a pixel down and half a pixel right."""
    input = torch.tensor([[[[0.0, 4], [8, 20]]]])
    offset = torch.tensor([0.25, 0.5]).view(1, 2, 1, 1).expand(1, 2, 2, 2).contiguous()
    weight, mask = torch.full((1, 1, 1, 1), 10.0), torch.full((1, 1, 2, 2), 0.5)
    # top left: rows 0 and 1 at its middle are 2 and 14; a quarter of the way is 5
    # right column: half of it lies off the map; bottom row: a quarter does
    expected = [[50.0, 40], [105, 75]]
    output = deform_conv2d(input, offset, weight)
    assert output.tolist() == [[expected]]
    modulated = modulated_deform_conv2d(input, offset, mask, weight, torch.ones(1))
    assert modulated.tolist() == [[[[0.5 * value + 1 for value in row] for row in expected]]]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_without_offsets_it_is_a_convolution(layout: tuple) -> None:
    input, offset, mask, weight, bias = (tensor.detach() for tensor in inputs(layout))
    expected = F.conv2d(input, weight, bias, *layout[1:5])
    ones = [input, torch.zeros_like(offset), torch.ones_like(mask), weight, bias]
    torch.testing.assert_close(v2(ones, layout), expected)
    torch.testing.assert_close(v1(ones, layout) + bias.view(-1, 1, 1), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("version", [v1, v2])
def test_agrees_with_a_reference(version: object, layout: tuple, dtype: torch.dtype) -> None:
    ours, theirs = inputs(layout, dtype), inputs(layout, dtype)
    if version is v1:
        theirs[2], theirs[4] = torch.ones_like(theirs[2]), torch.zeros_like(theirs[4])
    output, expected = version(ours, layout), reference(*theirs, layout)
    torch.testing.assert_close(output, expected)
    weights = torch.randn(output.shape, dtype=dtype)
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-4)


def like_mmcvs_kernel(tensors: list[Tensor]) -> Tensor:
    """``(1, 1, 2, 2)`` for a 3 × 3 kernel with stride 2 and padding 1 on 4 × 4 pixels.

    Offsets and masks are found by the indices that ``modulated_deform_conv_cuda_kernel.cuh``
    computes from the size of the output, 2 × 2, whatever their own size is.
    """
    input, offset, mask, weight, bias = tensors
    offset, mask = offset.flatten(), mask.flatten()
    rows = []
    for h, w, i, j in itertools.product(range(2), range(2), range(3), range(3)):
        tap = 3 * i + j
        y = 2 * h - 1 + i + offset[(2 * tap * 2 + h) * 2 + w]
        x = 2 * w - 1 + j + offset[((2 * tap + 1) * 2 + h) * 2 + w]
        grid = torch.stack([(2 * x + 1) / 4 - 1, (2 * y + 1) / 4 - 1]).view(1, 1, 1, 2)
        sample = F.grid_sample(input, grid, "bilinear", "zeros", align_corners=False)
        rows.append(sample.flatten() * mask[(tap * 2 + h) * 2 + w] * weight[0, 0, i, j])
    return torch.stack(rows).view(2, 2, 9).sum(2)[None, None] + bias.view(1, 1, 1, 1)


@pytest.mark.parametrize("larger", [(4, 4), (2, 3), (1, 7)], ids=str)
def test_of_larger_offsets_and_masks_the_first_numbers_are_read(larger: tuple[int, int]) -> None:
    """With stride 2, mmdet's DyHead gives offsets and masks of the input's size."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((1, 1, 4, 4), (1, 18, *larger), (1, 9, *larger), (1, 1, 3, 3), (1,))
    ours, theirs = (
        [torch.randn(shape, generator=generator.manual_seed(0)).double() for shape in shapes]
        for _ in range(2)
    )
    for tensor in (*ours, *theirs):
        tensor.requires_grad_()
    output, expected = modulated_deform_conv2d(*ours, 2, 1), like_mmcvs_kernel(theirs)
    torch.testing.assert_close(output, expected)
    (output * torch.arange(1.0, 5).view(2, 2)).sum().backward()
    (expected * torch.arange(1.0, 5).view(2, 2)).sum().backward()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad)
    assert not ours[1].grad.flatten()[72:].any() and not ours[2].grad.flatten()[36:].any()


def test_larger_offsets_of_several_images_in_any_order_in_memory() -> None:
    """As mmdet's DyHead gives them: parts of one tensor; and the gradient goes where it belongs."""
    input, _, _, weight, bias = inputs(LAYOUTS[1])
    both = torch.randn(2, 27, 7, 8, dtype=torch.float64)
    results = []
    for order in (torch.contiguous_format, torch.channels_last):
        leaf = both.clone(memory_format=order).requires_grad_()
        offset, mask = leaf[:, :18], leaf[:, 18:].sigmoid()
        output = modulated_deform_conv2d(input, offset, mask, weight, bias, *LAYOUTS[1][1:])
        output.square().sum().backward()
        results.append((output, leaf.grad))
    for mine, other in zip(*results, strict=True):
        torch.testing.assert_close(mine, other)
    for image in (0, 1):  # each alone
        offset, mask = both[image : image + 1, :18], both[image : image + 1, 18:].sigmoid()
        alone = modulated_deform_conv2d(
            input[image : image + 1], offset, mask, weight, bias, *LAYOUTS[1][1:]
        )
        torch.testing.assert_close(alone, results[0][0][image : image + 1])


def test_smaller_offsets_are_refused() -> None:
    input, offset, mask, weight, bias = inputs(LAYOUTS[1])
    with pytest.raises(RuntimeError, match="offset output dims"):
        modulated_deform_conv2d(input, offset[..., 1:], mask, weight, bias, *LAYOUTS[1][1:])


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_gradcheck(layout: tuple) -> None:
    tensors = inputs(layout)
    assert gradcheck(lambda *given: v2(given, layout), tensors, fast_mode=True)
    one = (tensors[0], tensors[1], tensors[3])
    assert gradcheck(lambda *given: deform_conv2d(*given, *layout[1:]), one, fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("version", [v1, v2])
def test_16_bit_inputs_are_computed_in_float32(version: object, dtype: torch.dtype) -> None:
    """Under autocast in both directions: results are those of float32, rounded once."""
    narrow = inputs(LAYOUTS[3], dtype)
    wide = [tensor.detach().float().requires_grad_() for tensor in narrow]
    expected = version(wide, LAYOUTS[3])
    expected.sum().backward()
    with torch.autocast("cpu", dtype):
        output = version(narrow, LAYOUTS[3])
        output.backward(torch.ones_like(output))
    assert torch.equal(output, expected.to(dtype))
    for mine, other in zip(narrow, wide, strict=True):
        assert mine.grad is other.grad or torch.equal(mine.grad, other.grad.to(dtype))


@pytest.mark.parametrize("layer", [DeformConv2dPack, ModulatedDeformConv2dPack])
def test_layers_train_under_autocast(layer: type) -> None:
    """The offsets have 16 bits after their convolution; weights and gradients are float32."""
    layer = layer(4, 6, 3, padding=1)
    torch.nn.init.normal_(layer.conv_offset.weight, std=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        output = layer(torch.randn(2, 4, 6, 6))
    output.float().square().sum().backward()
    assert output.dtype == torch.bfloat16
    for name, parameter in layer.named_parameters():
        assert parameter.grad.dtype == torch.float32, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_new_layer_gets_no_gradient_at_the_border() -> None:
    """Its samples are exactly one pixel outside, where one of two one-sided derivatives is zero."""
    input, weight = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)
    offset = torch.zeros(1, 18, 3, 3, requires_grad=True)
    deform_conv2d(input, offset, weight, 1, 1).sum().backward()
    taps = offset.grad.view(3, 3, 2, 3, 3)
    assert not taps[0, :, :, 0].any()  # the upper taps of the upper row
    assert not taps[:, 0, :, :, 0].any()
    # below the last row, a sample decreases by the pixel's value, 1
    assert taps[1, 1, 0].tolist() == [[0, 0, 0], [0, 0, 0], [-1, -1, -1]]


def test_the_gradient_of_a_weight_is_computed_with_that_of_its_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """torchvision's kernel computes both; mmcv asks for one after the other."""
    calls = []
    compute = deform_conv.gradients
    monkeypatch.setattr(
        deform_conv, "gradients", lambda *given: calls.append(given) or compute(*given)
    )
    v1(inputs(LAYOUTS[0]), LAYOUTS[0]).sum().backward()
    assert len(calls) == 1


def test_the_gradient_of_a_weight_is_not_reused_in_another_pass() -> None:
    input, offset, _, weight, _ = (tensor.detach() for tensor in inputs(LAYOUTS[0]))
    columns, geometry = torch.empty(0), (3, 3, 1, 1, 1, 1, 1, 1, 1, 1)
    one, other = torch.randn(2, 2, 6, 7, 8, dtype=torch.float64)

    def weights_gradient(gradient: Tensor, columns: Tensor) -> Tensor:
        found = torch.empty_like(weight)
        operator("deform_conv_backward_parameters")(
            input, offset, gradient, found, columns, columns, *geometry, 1.0, 2
        )
        return found

    operator("deform_conv_backward_input")(
        input,
        offset,
        one,
        torch.empty_like(input),
        torch.empty_like(offset),
        weight,
        columns,
        *geometry,
        2,
    )
    assert torch.equal(weights_gradient(other, columns), weights_gradient(other, torch.empty(0)))


def test_im2col_step_changes_nothing() -> None:
    input, offset, _, weight, _ = inputs(LAYOUTS[0])
    step = deform_conv2d(input, offset, weight, 1, 1, 1, 1, 1, False, 1)
    assert torch.equal(step, deform_conv2d(input, offset, weight, 1, 1))


def test_channels_last() -> None:
    tensors = inputs(LAYOUTS[1])
    last = [tensors[0].to(memory_format=torch.channels_last), *tensors[1:]]
    assert torch.equal(v2(last, LAYOUTS[1]), v2(tensors, LAYOUTS[1]))


def test_a_map_smaller_than_the_kernel_is_padded() -> None:
    layer = DeformConv2d(2, 3, 3, padding=1)
    output = layer(torch.randn(1, 2, 2, 5), torch.zeros(1, 18, 2, 5))
    assert output.shape == (1, 3, 2, 5)


def test_no_images() -> None:
    """mmcv's functions refuse them (``output would be 0x6x7x8``); the operators do not."""
    input, offset, mask, weight, bias = (tensor.detach() for tensor in inputs(LAYOUTS[0]))
    input, offset, mask, output = input[:0], offset[:0], mask[:0], input.new_empty(0, 6, 7, 8)
    buffer, geometry = torch.empty(0), (3, 3, 1, 1, 1, 1, 1, 1, 1, 1)
    operator("deform_conv_forward")(input, weight, offset, output, buffer, buffer, *geometry, 1)
    found = [torch.ones_like(tensor) for tensor in (input, weight, bias, offset, mask)]
    v2_rest = (*geometry, True)
    operator("modulated_deform_conv_forward")(
        input, weight, bias, buffer, offset, mask, output, buffer, *v2_rest
    )
    operator("modulated_deform_conv_backward")(
        input, weight, bias, buffer, offset, mask, buffer, *found, output, *v2_rest
    )
    assert not any(gradient.any() for gradient in found)
