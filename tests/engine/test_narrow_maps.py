"""Gradients of convolutions on narrow maps."""

import pytest
import torch
from torch import nn

from mmresnet.engine.narrow_maps import pad_narrow_maps
from mmresnet.processor import native_bfloat16


def gradients(conv, width, dtype):
    """Return output and gradients, computed in memory that was full of NaN."""
    torch.manual_seed(0)
    maps = torch.randn(2, 16, 5, width).to(memory_format=torch.channels_last).requires_grad_()
    conv.zero_grad()
    conv.to(dtype)
    for _ in range(6):
        full = [torch.full((4**n,), torch.nan) for n in range(3, 11)]
    del full
    output = conv(maps.to(dtype))
    output.float().pow(2).sum().backward()
    return output, maps.grad, conv.weight.grad


def convolution(kernel=3, stride=2, **settings):
    torch.manual_seed(1)
    conv = nn.Conv2d(16, 32, kernel, stride, kernel // 2, bias=False, **settings)
    return conv.to(memory_format=torch.channels_last)


@pytest.mark.parametrize(("kernel", "stride", "width"), [(3, 2, 1), (7, 2, 1), (3, 4, 3)])
def test_gradients_are_right(kernel, stride, width):
    expected = gradients(convolution(kernel, stride), width, torch.float32)
    conv = convolution(kernel, stride)
    pad_narrow_maps(conv)
    found = gradients(conv, width, torch.bfloat16)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(one.float(), other, rtol=0.05, atol=0.3)
    assert conv(torch.zeros(1, 16, 5, 8, dtype=torch.bfloat16)).shape[3] == -(-8 // stride)


@pytest.mark.skipif(not native_bfloat16(), reason="oneDNN computes in float32")
def test_they_are_wrong_without():
    """If this fails, oneDNN is right, and the module is not needed with this version of torch.

    Several times, since now and then other memory than that full of NaN is taken.
    """
    found = [gradients(convolution(), 1, torch.bfloat16)[2] for _ in range(10)]
    assert not all(gradient.isfinite().all() for gradient in found)


def test_other_convolutions_are_left_as_they_are():
    for settings in ({"stride": 1}, {"kernel": 1}, {"dilation": 2}, {"padding_mode": "reflect"}):
        conv = convolution(**settings)
        pad_narrow_maps(conv)
        assert not conv._forward_pre_hooks
