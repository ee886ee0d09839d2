"""Convolutions that compute the BatchNorm, addition and ReLU after them, for inference."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import torch
from mmcv.cnn.bricks import DropPath
from mmcv.cnn.bricks.wrappers import Conv2d as MmcvConv2d
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm


class FusedConv2d(nn.Module):
    """``relu(norm(conv(x)) + residual)``; norm, ReLU and residual may be absent.

    The norm is folded into the weights, which are converted to ``dtype`` once. On a CPU they are
    kept in oneDNN's layout as well, and the whole is one kernel of oneDNN's; elsewhere the addition
    and the ReLU follow in place. The result is channels-last.

    Args:
        conv: A convolution that :func:`is_plain_conv` accepts.
        norm: A BatchNorm that :func:`is_foldable` accepts.
        relu: Whether to apply a ReLU at the end.
        dtype: torch.float32, torch.bfloat16 or torch.float16.
    """

    def __init__(self, conv: Any, norm: nn.Module | None, relu: bool, dtype: torch.dtype) -> None:
        super().__init__()
        weight, bias = _folded(conv, norm)
        weight = weight.to(dtype, memory_format=torch.channels_last)
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias.to(dtype), requires_grad=False)
        self.relu = relu
        geometry: Any = (conv.stride, conv.padding, conv.dilation, conv.groups)
        self.stride, self.padding, self.dilation, self.groups = geometry
        self._blocked: Tensor | None = None
        if weight.device.type == "cpu" and onednn_fuses(dtype):
            self._blocked = torch.ops.mkldnn._reorder_convolution_weight(
                weight, self.padding, self.stride, self.dilation, self.groups
            )

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """``(N, in, H, W) -> (N, out, H', W')``; ``residual``, of that shape, is overwritten."""
        x = self._as_computed(x)
        residual = None if residual is None else self._as_computed(residual)
        if self._blocked is None or x.numel() == 0:
            geometry = (self.stride, self.padding, self.dilation, self.groups)
            out = F.conv2d(x, self.weight, self.bias, *geometry)
            out = out if residual is None else residual.add_(out)
            return out.relu_() if self.relu else out
        layer = (x, self._blocked, self.bias, self.padding, self.stride, self.dilation, self.groups)
        if residual is None:
            activation = "relu" if self.relu else "none"
            return torch.ops.mkldnn._convolution_pointwise(*layer, activation, [], "")
        return torch.ops.mkldnn._convolution_pointwise_.binary(
            residual, *layer, "add", 1.0, "relu" if self.relu else None, [], ""
        )

    def _as_computed(self, x: Tensor) -> Tensor:
        return x.to(self.weight.dtype, memory_format=torch.channels_last)


class PositiveMaxPool2d(nn.Module):
    """3×3 max pooling with stride 2 and padding 1 of maps in 16 bits without negative values.

    Such numbers are ordered like the integers of the same bits, for which the maximum is faster;
    and PyTorch's pooling also writes the index of each maximum, in 64 bits.
    """

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W) -> (N, C, ceil(H / 2), ceil(W / 2))``."""
        rows = _largest_of_three(x.view(torch.int16).transpose(2, 3)).transpose(2, 3)
        return _largest_of_three(rows).view(x.dtype)


def _largest_of_three(x: Tensor) -> Tensor:
    """Return the maxima of ``x[2i - 1]``, ``x[2i]`` and ``x[2i + 1]`` along the last dimension."""
    even, odd = x[..., 0::2], x[..., 1::2]
    if even.shape == odd.shape:
        result = torch.maximum(even, odd)
    else:  # the last window has nothing on the right
        result = even.clone()
        torch.maximum(result[..., :-1], odd, out=result[..., :-1])
    left = result[..., 1:]
    torch.maximum(left, odd[..., : left.shape[-1]], out=left)
    return result


class OwnDtypeLinear(nn.Linear):
    """A linear layer that computes in the type of its weights, also under autocast."""

    @classmethod
    def of(cls, linear: nn.Linear, dtype: torch.dtype) -> OwnDtypeLinear:
        """Return the layer with the parameters of ``linear``, which are converted in place."""
        layer = cls.__new__(cls)
        layer.__dict__.update(linear.to(dtype).__dict__)
        return layer

    def forward(self, x: Tensor) -> Tensor:
        """``(…, in) -> (…, out)``, of the type of the weights."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.to(self.weight.dtype))


def fused(layers: Iterable[nn.Module], dtype: torch.dtype) -> list[nn.Module]:
    """Return layers that compute the same in sequence; what cannot be fused is left as it is."""
    rest = [one for one in layers if type(one) not in (nn.Identity, DropPath)]
    result: list[nn.Module] = []
    while rest:
        layer = rest.pop(0)
        if is_plain_conv(layer):
            norm = rest.pop(0) if rest and is_foldable(rest[0]) else None
            relu = bool(rest) and type(rest[0]) is nn.ReLU
            if relu:
                rest.pop(0)
            layer = FusedConv2d(layer, norm, relu, dtype)
        elif result and _is_positive(result[-1]) and _is_common_pool(layer):
            layer = PositiveMaxPool2d()
        result.append(layer)
    return result


def _is_positive(layer: nn.Module) -> bool:
    if not isinstance(layer, FusedConv2d) or layer.weight.dtype == torch.float32:
        return False
    return layer.relu and layer.weight.device.type == "cpu"


def _is_common_pool(layer: nn.Module) -> bool:
    if type(layer) is not nn.MaxPool2d:
        return False
    settings = (layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode)
    return settings == (3, 2, 1, 1, False) and not layer.return_indices


def is_plain_conv(layer: Any) -> bool:
    """Return whether a layer is a convolution padded with zeros, without hooks on its weights."""
    return (
        type(layer) in (nn.Conv2d, MmcvConv2d)
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
        and not (layer._forward_pre_hooks or layer._forward_hooks)
    )


def is_foldable(layer: Any) -> bool:
    """Return whether a layer is a BatchNorm that uses its running statistics."""
    return isinstance(layer, _BatchNorm) and not layer.training and layer.running_mean is not None


def _folded(conv: Any, norm: Any) -> tuple[Tensor, Tensor | None]:
    """Return weight and bias of ``norm(conv(x))``, computed in float64."""
    weight, bias = conv.weight.detach(), conv.bias
    if norm is None:
        return weight, None if bias is None else bias.detach()
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.detach().double()
    mean = norm.running_mean.double() - (0 if bias is None else bias.detach().double())
    shift = -mean * scale
    if norm.bias is not None:
        shift = shift + norm.bias.detach().double()
    return (weight.double() * scale[:, None, None, None]).float(), shift.float()


@functools.cache
def onednn_fuses(dtype: torch.dtype) -> bool:
    """Return whether PyTorch has oneDNN's fused convolution in ``dtype`` on this CPU.

    These operators are made for torch.compile, and their signatures may change: so one
    convolution is compared with PyTorch's own.
    """
    if not torch.backends.mkldnn.is_available():
        return False
    x = torch.linspace(-2, 2, 2 * 16 * 5 * 5, dtype=dtype).view(2, 16, 5, 5)
    x = x.contiguous(memory_format=torch.channels_last)
    weight = torch.linspace(-1, 1, 16 * 16 * 9, dtype=dtype).view(16, 16, 3, 3)
    operators, geometry = torch.ops.mkldnn, ([1, 1], [1, 1], [1, 1], 1)
    try:
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            expected = F.conv2d(x, weight, padding=1).add_(x).relu_()
            blocked = operators._reorder_convolution_weight(weight, *geometry)
            plain = operators._convolution_pointwise(x, blocked, None, *geometry, "none", [], "")
            fused = operators._convolution_pointwise_.binary(
                x.clone(), x, blocked, None, *geometry, "add", 1.0, "relu", [], ""
            )
            plain = (plain + x).relu_()
    except (AttributeError, NotImplementedError, RuntimeError):
        return False
    return all(torch.allclose(one, expected, 0.05, 0.05) for one in (plain, fused))
