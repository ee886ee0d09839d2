"""Nets for 32×32 images: the paper's (Sec. 4.2), and ResNet-18 to -152 with a small stem."""

from collections.abc import Sequence
from typing import Any, ClassVar

from mmresnet.errors import UserValueError
from mmresnet.models.backbones.blocks import BasicBlock, ResidualBlock
from mmresnet.models.backbones.resnet import PlainNet, ResNet
from mmresnet.models.backbones.shortcuts import (
    no_shortcut,
    projection,
    projection_in_every_block,
    zero_padding,
)
from mmresnet.models.backbones.stems import cifar_stem
from mmresnet.registry import MODELS


@MODELS.register_module()
class ResNet_CIFAR(ResNet):
    """ResNet-18 to -152 with a 3×3 stem and no pooling; agrees with mmpretrain's of this name.

    ``(N, 3, 32, 32) -> (N, 512, 4, 4)`` for depths 18 and 34, ``(N, 2048, 4, 4)`` above.
    """

    stems: ClassVar = {False: cifar_stem}


@MODELS.register_module()
class PlainNet_CIFAR(PlainNet):
    """:class:`ResNet_CIFAR` without its shortcuts, of depth 18 or 34."""

    stems: ClassVar = {False: cifar_stem}


@MODELS.register_module()
class CifarResNet(ResNet):
    """The paper's CIFAR-10 net of depth 6n+2 (Sec. 4.2): 20, 32, 44, 56, 110, 1202.

    Three stages of n basic blocks with 16, 32 and 64 channels and parameter-free shortcuts
    (option A): ``(N, 3, 32, 32) -> (N, 64, 8, 8)``. Keywords are those of :class:`ResNet`.

    Raises:
        ValueError: ``depth`` is not 6n+2; the message gives the nearest that is.
    """

    stems: ClassVar = {False: cifar_stem}
    shortcuts: ClassVar = {
        "A": zero_padding,
        "B": projection,
        "C": projection_in_every_block,
    }

    def __init__(
        self,
        depth: int,
        base_channels: int = 16,
        num_stages: int = 3,
        strides: Sequence[int] = (1, 2, 2),
        dilations: Sequence[int] = (1, 1, 1),
        zero_init_residual: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            depth,
            base_channels=base_channels,
            num_stages=num_stages,
            strides=strides,
            dilations=dilations,
            zero_init_residual=zero_init_residual,
            **kwargs,
        )

    @classmethod
    def arch(cls, depth: int) -> tuple[type[ResidualBlock], tuple[int, ...]]:
        """Three stages of n basic blocks for depth 6n+2."""
        if not isinstance(depth, int) or depth < 8 or (depth - 2) % 6:
            nearest = 6 * max(1, round((depth - 2) / 6)) + 2 if isinstance(depth, int) else 20
            raise UserValueError(
                f"{cls.__name__}: depth={depth!r} must be 6n+2 (8, 14, 20, 32, 44, 56, 110, 1202, "
                f"…); the nearest is {nearest}."
            )
        return BasicBlock, ((depth - 2) // 6,) * 3


@MODELS.register_module()
class CifarPlainNet(CifarResNet):
    """:class:`CifarResNet` without its shortcuts: the plain nets of Fig. 6."""

    shortcuts: ClassVar = {"none": no_shortcut}
