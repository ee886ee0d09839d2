"""Stems: the layers before the first stage, by the names of the backbone's children.

Each is a function ``(in_channels, stem_channels, conv_cfg, norm_cfg) -> {name: module}``; the
names are the state-dict prefixes, and the order is the order of computation.
"""

from typing import Any

from mmcv.cnn import ConvModule, build_conv_layer, build_norm_layer
from torch import nn


def imagenet_stem(
    in_channels: int, stem_channels: int, conv_cfg: dict[str, Any] | None, norm_cfg: dict[str, Any]
) -> dict[str, nn.Module]:
    """7×7 convolution and max pooling: ``(N, 3, 224, 224) -> (N, 64, 56, 56)`` (paper, Table 1)."""
    conv = build_conv_layer(
        conv_cfg, in_channels, stem_channels, kernel_size=7, stride=2, padding=3, bias=False
    )
    norm_name, norm = build_norm_layer(norm_cfg, stem_channels, postfix=1)
    return {
        "conv1": conv,
        norm_name: norm,
        "relu": nn.ReLU(inplace=True),
        "maxpool": nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    }


def deep_stem(
    in_channels: int, stem_channels: int, conv_cfg: dict[str, Any] | None, norm_cfg: dict[str, Any]
) -> dict[str, nn.Module]:
    """Three 3×3 convolutions in place of the 7×7 (Bag of Tricks, ResNet-C).

    ``(N, 3, 224, 224) -> (N, 64, 56, 56)``. Names agree with mmpretrain's: ``stem.0.conv.weight``.
    """
    half = stem_channels // 2
    widths = [(in_channels, half, 2), (half, half, 1), (half, stem_channels, 1)]
    layers = [
        ConvModule(
            inputs,
            outputs,
            kernel_size=3,
            stride=stride,
            padding=1,
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg,
            inplace=True,
        )
        for inputs, outputs, stride in widths
    ]
    return {
        "stem": nn.Sequential(*layers),
        "maxpool": nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    }


def cifar_stem(
    in_channels: int, stem_channels: int, conv_cfg: dict[str, Any] | None, norm_cfg: dict[str, Any]
) -> dict[str, nn.Module]:
    """One 3×3 convolution at full resolution: ``(N, 3, 32, 32) -> (N, C, 32, 32)`` (Sec. 4.2)."""
    conv = build_conv_layer(
        conv_cfg, in_channels, stem_channels, kernel_size=3, stride=1, padding=1, bias=False
    )
    norm_name, norm = build_norm_layer(norm_cfg, stem_channels, postfix=1)
    return {"conv1": conv, norm_name: norm, "relu": nn.ReLU(inplace=True)}
