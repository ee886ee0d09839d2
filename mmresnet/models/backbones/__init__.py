"""The ResNet family: each backbone is a stem, a kind of shortcut and a table of blocks."""

from mmresnet.models.backbones.cifar import (
    CifarPlainNet,
    CifarResNet,
    PlainNet_CIFAR,
    ResNet_CIFAR,
)
from mmresnet.models.backbones.resnet import PlainNet, ResNet, ResNetV1c, ResNetV1d

__all__ = [
    "CifarPlainNet",
    "CifarResNet",
    "PlainNet",
    "PlainNet_CIFAR",
    "ResNet",
    "ResNetV1c",
    "ResNetV1d",
    "ResNet_CIFAR",
]
