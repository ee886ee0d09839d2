"""The residual blocks: ``relu(branch(x) + shortcut(x))`` (He et al. 2015, Fig. 5).

A block owns its branch, an ordered list of named layers; the shortcut is handed to it. Names of
layers are the state-dict contract: ``conv1, bn1, … downsample`` as in torchvision.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

from mmcv.cnn import build_plugin_layer
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmresnet.errors import UserValueError, did_you_mean

NormFactory = Callable[..., tuple[str, nn.Module]]
"""``(channels, postfix) -> (name, module)``: mmcv's ``build_norm_layer`` with its config bound."""


class ConvFactory(Protocol):
    """mmcv's ``build_conv_layer`` with its config bound."""

    def __call__(self, in_channels: int, out_channels: int, **kwargs: Any) -> nn.Module: ...


def _call(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return function(x)


def _recompute(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Keep only ``x`` for the backward pass and compute ``function`` a second time there."""
    return checkpoint(function, x, use_reentrant=False) if x.requires_grad else function(x)


class ResidualBlock(BaseModule):
    """What the two kinds of block share: everything but the layers of the branch.

    Subclasses name their layers in order and hand them to :meth:`_assemble`.
    """

    expansion: ClassVar[int]
    branch: tuple[str, ...]
    last_norm: str

    def _assemble(
        self,
        layers: dict[str, nn.Module],
        norm_names: Sequence[str],
        shortcut: nn.Module | None,
        drop_path_rate: float,
        plugins: Sequence[dict],
        with_cp: bool,
    ) -> None:
        """Add the children, and write down the order of computation.

        ``layers`` are in the order in which the state dict lists them.
        """
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut
        self.drop_path = DropPath(drop_path_rate) if drop_path_rate > 0 else nn.Identity()

        branch: list[str] = []
        for index, norm_name in enumerate(norm_names, start=1):
            if index > 1:
                branch += self._plugins_after(index - 1, layers, plugins)
            branch += [f"conv{index}", norm_name, "relu"]
        branch.pop()  # the last activation follows the addition
        branch += self._plugins_after(len(norm_names), layers, plugins)
        self.branch = (*branch, "drop_path")
        self.last_norm = norm_names[-1]
        self._run = _recompute if with_cp else _call

    def _plugins_after(
        self, index: int, layers: dict[str, nn.Module], plugins: Sequence[dict]
    ) -> list[str]:
        """Build the plugins of position ``after_conv{index}`` as children; return their names."""
        names = []
        for plugin in plugins:
            if plugin["position"] != f"after_conv{index}":
                continue
            cfg = dict(plugin["cfg"])
            channels = layers[f"conv{index}"].out_channels
            name, layer = build_plugin_layer(
                cfg, in_channels=channels, postfix=cfg.pop("postfix", "")
            )
            if name in self._modules:
                raise UserValueError(
                    f"two plugins of a block are both named '{name}': give one of them another "
                    f"'postfix' in its cfg."
                )
            self.add_module(name, layer)
            names.append(name)
        return names

    def _add(self, x: Tensor) -> Tensor:
        out = x
        for name in self.branch:
            out = getattr(self, name)(out)
        if self.downsample is not None:
            out += self.downsample(x)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """``(N, in, H, W) -> (N, out, ceil(H / stride), ceil(W / stride))``."""
        return self.relu(self._run(self._add, x))


class BasicBlock(ResidualBlock):
    """Two 3×3 convolutions (ResNet-18, -34 and the CIFAR nets)."""

    expansion = 1

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        conv: ConvFactory,
        norm: NormFactory,
        shortcut: nn.Module | None,
        stride: int = 1,
        dilation: int = 1,
        style: str = "pytorch",
        dcn: ConvFactory | None = None,
        plugins: Sequence[dict] = (),
        drop_path_rate: float = 0.0,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if dcn is not None or plugins:
            raise UserValueError(
                "dcn and plugins sit in bottleneck blocks, and this depth is built of basic "
                "blocks: take depth 50, 101 or 152, or leave them out."
            )
        if out_channels != mid_channels:
            raise UserValueError(
                f"expansion={out_channels / mid_channels:g} was given for a net of basic blocks, "
                f"whose expansion is 1: take depth 50, 101 or 152, or leave it out."
            )
        norm1_name, norm1 = norm(mid_channels, postfix=1)
        norm2_name, norm2 = norm(out_channels, postfix=2)
        layers = {
            "conv1": conv(
                in_channels,
                mid_channels,
                kernel_size=3,
                stride=stride,
                padding=dilation,
                dilation=dilation,
                bias=False,
            ),
            norm1_name: norm1,
            "conv2": conv(mid_channels, out_channels, kernel_size=3, padding=1, bias=False),
            norm2_name: norm2,
        }
        self._assemble(layers, (norm1_name, norm2_name), shortcut, drop_path_rate, plugins, with_cp)


class Bottleneck(ResidualBlock):
    """1×1, 3×3, 1×1 (ResNet-50, -101, -152).

    The stride sits in the 3×3 (``style='pytorch'``) or, as in the paper and its Caffe models, in
    the first 1×1 (``style='caffe'``).
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        conv: ConvFactory,
        norm: NormFactory,
        shortcut: nn.Module | None,
        stride: int = 1,
        dilation: int = 1,
        style: str = "pytorch",
        dcn: ConvFactory | None = None,
        plugins: Sequence[dict] = (),
        drop_path_rate: float = 0.0,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        check_plugin_positions(plugins)
        first, second = (1, stride) if style == "pytorch" else (stride, 1)
        norm1_name, norm1 = norm(mid_channels, postfix=1)
        norm2_name, norm2 = norm(mid_channels, postfix=2)
        norm3_name, norm3 = norm(out_channels, postfix=3)
        layers = {
            "conv1": conv(in_channels, mid_channels, kernel_size=1, stride=first, bias=False),
            norm1_name: norm1,
            "conv2": (dcn or conv)(
                mid_channels,
                mid_channels,
                kernel_size=3,
                stride=second,
                padding=dilation,
                dilation=dilation,
                bias=False,
            ),
            norm2_name: norm2,
            "conv3": conv(mid_channels, out_channels, kernel_size=1, bias=False),
            norm3_name: norm3,
        }
        norm_names = (norm1_name, norm2_name, norm3_name)
        self._assemble(layers, norm_names, shortcut, drop_path_rate, plugins, with_cp)


def check_plugin_positions(plugins: Sequence[dict]) -> None:
    """Raise ``ValueError`` where a plugin wants a place that a bottleneck does not have."""
    allowed = ("after_conv1", "after_conv2", "after_conv3")
    for plugin in plugins:
        if plugin.get("position") not in allowed:
            raise UserValueError(
                f"plugins: position={plugin.get('position')!r} is not one of "
                f"{', '.join(allowed)}.{did_you_mean(plugin.get('position'), allowed)}"
            )
