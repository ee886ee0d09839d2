"""The residual blocks: ``relu(branch(x) + shortcut(x))`` (He et al. 2015, Fig. 5).

A block builds its branch, an ordered list of named layers, and is given its shortcut. The names
are the state-dict keys, ``conv1, bn1, … downsample``, as in torchvision.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
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


def _compute(block: "ResidualBlock", x: Tensor) -> Tensor:
    return block._add(x)


def _compute_twice(block: "ResidualBlock", x: Tensor) -> Tensor:
    """Keep only ``x`` for the backward pass, which computes the block a second time."""
    if not x.requires_grad:
        return block._add(x)

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _statistics_kept(block)

    return checkpoint(block._add, x, use_reentrant=False, context_fn=contexts)


@contextmanager
def _statistics_kept(block: nn.Module) -> Iterator[None]:
    """Let BatchNorm leave its running statistics as they are.

    It would count a batch twice; mmpretrain's and mmdet's ``with_cp`` does.
    """
    norms: list[Any] = [m for m in block.modules() if m.training and hasattr(m, "running_mean")]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count


class ResidualBlock(BaseModule):
    """``relu(branch(x) + shortcut(x))``; a subclass defines the convolutions of the branch.

    A norm layer follows each convolution, and an activation each but the last. ``dcn`` builds a
    bottleneck's 3×3 in place of ``conv``; without a ``shortcut`` nothing is added. For ``style``,
    ``plugins``, ``drop_path_rate`` and ``with_cp`` see :class:`ResNet`.

    Raises:
        ValueError: An argument does not suit this kind of block.
    """

    expansion: ClassVar[int]
    branch: tuple[str, ...]
    norm_names: tuple[str, ...]

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
        plugins: Sequence[dict[str, Any]] = (),
        drop_path_rate: float = 0.0,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self._check(mid_channels, out_channels, dcn, plugins)
        widths = (in_channels, mid_channels, out_channels)
        convs = self._convs(*widths, conv, dcn or conv, stride, dilation, style)
        norm_names = []
        for index, layer in enumerate(convs, start=1):
            width = mid_channels if index < len(convs) else out_channels
            norm_name, norm_layer = norm(width, postfix=index)
            self.add_module(f"conv{index}", layer)
            self.add_module(norm_name, norm_layer)
            norm_names.append(norm_name)
        self.norm_names = tuple(norm_names)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut
        self.drop_path = DropPath(drop_path_rate) if drop_path_rate > 0 else nn.Identity()

        branch: list[str] = []
        for index, norm_name in enumerate(norm_names, start=1):
            branch += [f"conv{index}", norm_name]
            if norm_name != norm_names[-1]:  # the last activation follows the addition
                branch.append("relu")
            branch += self._add_plugins_after(index, plugins)
        self.branch = (*branch, "drop_path")
        self._run = _compute_twice if with_cp else _compute

    @staticmethod
    def _check(
        mid_channels: int,
        out_channels: int,
        dcn: ConvFactory | None,
        plugins: Sequence[dict[str, Any]],
    ) -> None:
        """Raise ``ValueError`` if an argument does not suit this kind of block."""
        raise NotImplementedError

    @staticmethod
    def _convs(
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        conv: ConvFactory,
        dcn: ConvFactory,
        stride: int,
        dilation: int,
        style: str,
    ) -> list[nn.Module]:
        """Return the convolutions of the branch in order."""
        raise NotImplementedError

    @property
    def norm1(self) -> nn.Module:
        """The norm layer after ``conv1``, whatever its name: ``bn1``, ``gn1`` …"""
        return self.get_submodule(self.norm_names[0])

    @property
    def norm2(self) -> nn.Module:
        """The norm layer after ``conv2``."""
        return self.get_submodule(self.norm_names[1])

    def _add_plugins_after(self, index: int, plugins: Sequence[dict[str, Any]]) -> list[str]:
        """Add the plugins of position ``after_conv{index}`` as children; return their names."""
        names = []
        for plugin in plugins:
            if plugin["position"] != f"after_conv{index}":
                continue
            cfg = dict(plugin["cfg"])
            channels = self.get_submodule(f"conv{index}").out_channels
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
        return self.relu(self._run(self, x))


class BasicBlock(ResidualBlock):
    """Two 3×3 convolutions (ResNet-18, -34 and the CIFAR nets)."""

    expansion = 1

    @staticmethod
    def _check(
        mid_channels: int,
        out_channels: int,
        dcn: ConvFactory | None,
        plugins: Sequence[dict[str, Any]],
    ) -> None:
        if dcn is not None or plugins:
            raise UserValueError(
                "dcn and plugins are for bottleneck blocks, and this depth is built of basic "
                "blocks: take depth 50, 101 or 152, or leave them out."
            )
        if out_channels != mid_channels:
            raise UserValueError(
                f"expansion={out_channels / mid_channels:g} was given for a net of basic blocks, "
                f"whose expansion is 1: take depth 50, 101 or 152, or leave it out."
            )

    @staticmethod
    def _convs(
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        conv: ConvFactory,
        dcn: ConvFactory,
        stride: int,
        dilation: int,
        style: str,
    ) -> list[nn.Module]:
        strided = dict(stride=stride, padding=dilation, dilation=dilation)
        return [
            conv(in_channels, mid_channels, kernel_size=3, bias=False, **strided),
            conv(mid_channels, out_channels, kernel_size=3, padding=1, bias=False),
        ]


class Bottleneck(ResidualBlock):
    """1×1, 3×3, 1×1 (ResNet-50, -101, -152).

    The stride is in the 3×3 (``style='pytorch'``) or, as in the paper and its Caffe models, in
    the first 1×1 (``style='caffe'``).
    """

    expansion = 4

    @property
    def norm3(self) -> nn.Module:
        """The norm layer after ``conv3``."""
        return self.get_submodule(self.norm_names[2])

    @staticmethod
    def _check(
        mid_channels: int,
        out_channels: int,
        dcn: ConvFactory | None,
        plugins: Sequence[dict[str, Any]],
    ) -> None:
        allowed = ("after_conv1", "after_conv2", "after_conv3")
        for plugin in plugins:
            position = plugin.get("position")
            if position not in allowed:
                raise UserValueError(
                    f"plugins: position={position!r} is not one of {', '.join(allowed)}."
                    f"{did_you_mean(position, allowed)}"
                )

    @staticmethod
    def _convs(
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        conv: ConvFactory,
        dcn: ConvFactory,
        stride: int,
        dilation: int,
        style: str,
    ) -> list[nn.Module]:
        first, second = (1, stride) if style == "pytorch" else (stride, 1)
        strided = dict(stride=second, padding=dilation, dilation=dilation)
        return [
            conv(in_channels, mid_channels, kernel_size=1, stride=first, bias=False),
            dcn(mid_channels, mid_channels, kernel_size=3, bias=False, **strided),
            conv(mid_channels, out_channels, kernel_size=1, bias=False),
        ]
