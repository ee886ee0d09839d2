"""Shortcuts of a residual block: the options of He et al. 2015 and of Bag of Tricks.

Each is a function ``(in_channels, out_channels, stride, conv, norm) -> module or None`` where
``conv`` and ``norm`` are the factories of :mod:`mmresnet.models.backbones.blocks`. The module maps
``(N, in_channels, H, W)`` to ``(N, out_channels, ceil(H / stride), ceil(W / stride))``.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from mmresnet.models.backbones.blocks import ConvFactory, NormFactory


class ZeroPadding(nn.Module):
    """Subsample in space and pad the channels with zeros on both sides: no parameters.

    Option A of the paper (Sec. 3.3 and 4.2), which does not say where the zeros go: half on each
    side is what the public CIFAR-10 reproductions do and their weights expect.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        extra = out_channels - in_channels
        self.stride = stride
        self.padding = (0, 0, 0, 0, extra // 2, extra - extra // 2)

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], self.padding)


def projection_in_every_block(
    in_channels: int, out_channels: int, stride: int, conv: ConvFactory, norm: NormFactory
) -> nn.Module:
    """A strided 1×1 convolution also where the shapes match (the paper's option C, Sec. 4.1)."""
    return nn.Sequential(
        conv(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
        norm(out_channels)[1],
    )


def projection(
    in_channels: int, out_channels: int, stride: int, conv: ConvFactory, norm: NormFactory
) -> nn.Module:
    """Identity where the shapes match, else a strided 1×1 convolution (the paper's option B)."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return projection_in_every_block(in_channels, out_channels, stride, conv, norm)


def pooled_projection(
    in_channels: int, out_channels: int, stride: int, conv: ConvFactory, norm: NormFactory
) -> nn.Module:
    """Average pooling, then a 1×1 convolution that skips no pixel (Bag of Tricks, ResNet-D)."""
    if stride == 1:
        return projection(in_channels, out_channels, stride, conv, norm)
    pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
    return nn.Sequential(
        pool,
        conv(in_channels, out_channels, kernel_size=1, stride=1, bias=False),
        norm(out_channels)[1],
    )


def zero_padding(
    in_channels: int, out_channels: int, stride: int, conv: ConvFactory, norm: NormFactory
) -> nn.Module:
    """Identity where the shapes match, else the paper's parameter-free option A."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return ZeroPadding(in_channels, out_channels, stride)


def no_shortcut(
    in_channels: int, out_channels: int, stride: int, conv: ConvFactory, norm: NormFactory
) -> None:
    """Nothing to add: the block of the paper's plain nets (Sec. 3.3)."""
    return None
