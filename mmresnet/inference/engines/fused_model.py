"""A model whose convolutions are fused with what follows them: the same function, faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmresnet.inference.engines.fused_layers import (
    FusedConv2d,
    OwnDtypeLinear,
    fused,
    is_foldable,
    is_plain_conv,
)
from mmresnet.models.backbones.blocks import ResidualBlock
from mmresnet.models.backbones.residual_net import ResidualNet

_LARGE = 2**20  # weights of a linear layer that take time to convert at every call


def fuse(
    model: nn.Module, dtype: torch.dtype, backbone: Callable[[ResidualNet], nn.Module] | None = None
) -> None:
    """Fuse and convert the layers of a model in eval mode, in place.

    The backbones of this package become :class:`FusedNet`. Elsewhere each convolution is fused with
    the BatchNorm and the ReLU of its ``ConvModule``. Deformable convolutions, other norm layers and
    all other parts are left as they are, to be run under autocast.

    The linear layers of a classifier's head stay in float32: they are 0.05 % of the arithmetic of a
    ResNet-50, and would round the scores.

    Args:
        backbone: What to make of a backbone of this package instead.
    """
    model.to(memory_format=torch.channels_last)
    head = getattr(model, "head", None)
    if isinstance(head, nn.Module):
        for name, layer in list(head.named_modules()):
            if name and type(layer) is nn.Linear:
                head.set_submodule(name, OwnDtypeLinear.of(layer, torch.float32))
    on_cpu = next(model.parameters()).device.type == "cpu"
    _Fusion(dtype, on_cpu, backbone or (lambda net: FusedNet(net, dtype))).replace_in(model)


class FusedNet(nn.Module):
    """A backbone of this package: same inputs and outputs as :class:`ResidualNet`."""

    def __init__(self, net: ResidualNet, dtype: torch.dtype) -> None:
        super().__init__()
        stem = [net.get_submodule(name) for name in net.stem_names]
        self.stem = nn.Sequential(*fused(_flat(stem), dtype))
        self.stages = nn.ModuleList(
            nn.Sequential(
                *(
                    fused_block(block, dtype, is_first=index == 0)
                    for index, block in enumerate(net.get_submodule(name))
                )
            )
            for name in net.stage_names
        )
        self.out_indices = net.out_indices

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """``(N, 3, H, W)`` to the feature maps of the stages in ``out_indices``."""
        x = self.stem(x)
        outputs = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in self.out_indices:
                outputs.append(x)
        return tuple(outputs)


class FusedBlock(nn.Module):
    """A residual block that adds its shortcut in its last convolution, in the shortcut's memory."""

    def __init__(self, branch: Sequence[nn.Module], shortcut: nn.Module) -> None:
        super().__init__()
        *first, self.last = branch
        self.branch, self.shortcut = nn.Sequential(*first), shortcut

    def forward(self, x: Tensor) -> Tensor:
        """``(N, in, H, W) -> (N, out, H', W')``; ``x`` is overwritten if it is the shortcut."""
        return self.last(self.branch(x), self.shortcut(x))


def fused_block(block: ResidualBlock, dtype: torch.dtype, is_first: bool) -> nn.Module:
    """Return a module that computes the same; ``block`` itself where its end cannot be fused.

    Args:
        is_first: Whether it is the first of its stage, whose input may be an output of the net, and
            so must not be overwritten.
    """
    layers = [block.get_submodule(name) for name in block.branch]
    if block.downsample is None:
        return nn.Sequential(*fused([*layers, block.relu], dtype))
    branch = fused(layers, dtype)
    last, shortcut = branch[-1], fused(_flat([block.downsample]), dtype)
    if not isinstance(last, FusedConv2d):
        return block
    last.relu = True
    if is_first and not shortcut:
        shortcut = [_Copy()]
    return FusedBlock(branch, nn.Sequential(*shortcut))


class _Copy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


def _flat(layers: Sequence[nn.Module]) -> list[nn.Module]:
    """Take ``nn.Sequential`` and mmcv's ``ConvModule`` apart."""
    flat: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.Sequential):
            flat += _flat(list(layer))
        elif isinstance(layer, ConvModule) and _is_plain_module(layer):
            parts = [layer.conv, layer.norm if layer.with_norm else None, _activation(layer)]
            flat += [one for one in parts if one is not None]
        else:
            flat.append(layer)
    return flat


def _is_plain_module(layer: Any) -> bool:
    return (
        type(layer) is ConvModule
        and layer.order == ("conv", "norm", "act")
        and not layer.with_explicit_padding
        and is_plain_conv(layer.conv)
    )


def _activation(layer: Any) -> nn.Module | None:
    return layer.activate if layer.with_activation else None


@dataclass
class _Fusion:
    dtype: torch.dtype
    on_cpu: bool
    backbone: Callable[[ResidualNet], nn.Module]

    def replace_in(self, parent: nn.Module) -> None:
        for name, child in list(parent.named_children()):
            if _is_plain_module(child):
                self._fuse_conv_module(child)
            elif (replacement := self._replacement(child)) is not None:
                setattr(parent, name, replacement)
            else:
                self.replace_in(child)

    def _replacement(self, child: nn.Module) -> nn.Module | None:
        if isinstance(child, ResidualNet) and type(child).forward is ResidualNet.forward:
            return self.backbone(child)
        if is_plain_conv(child):
            return FusedConv2d(child, None, False, self.dtype)
        if type(child) is nn.Linear and child.weight.numel() >= _LARGE:
            return OwnDtypeLinear.of(child, self.dtype)
        return self._part_of_a_detector(child) if self.on_cpu else None

    def _part_of_a_detector(self, child: Any) -> nn.Module | None:
        """Return what replaces it, or None; mmdet is installed where its attributes are found."""
        if hasattr(child, "roi_layers"):
            from mmresnet.inference.engines.roi_extractor import DirectRoIExtractor, is_replaceable

            return DirectRoIExtractor.of(child, self.dtype) if is_replaceable(child) else None
        if hasattr(child, "bbox_roi_extractor"):
            from mmresnet.inference.engines.roi_extractor import skip_transposition

            skip_transposition(child)
        elif hasattr(child, "bbox_coder"):
            from mmresnet.inference.engines.box_head import decode_likely_boxes

            decode_likely_boxes(child)
        return None

    def _fuse_conv_module(self, module: Any) -> None:
        """Fuse in place, so that a head finds the attributes of its ``ConvModule``."""
        norm = module.norm if module.with_norm and is_foldable(module.norm) else None
        is_last = norm is not None or not module.with_norm
        relu = is_last and type(_activation(module)) is nn.ReLU
        module.conv = FusedConv2d(module.conv, norm, relu, self.dtype)
        module.with_norm = module.with_norm and norm is None
        module.with_activation = module.with_activation and not relu
