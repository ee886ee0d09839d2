"""ResNet, its Bag of Tricks variants and the plain nets, for images of ImageNet's size."""

import copy
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from mmcv.cnn import build_conv_layer, build_norm_layer
from mmengine.model import Sequential

from mmresnet import ops
from mmresnet.errors import UserTypeError, UserValueError, did_you_mean
from mmresnet.models.backbones.arguments import (
    block_dilations,
    check_arguments,
    choose_shortcut,
    choose_stem,
    scoped,
)
from mmresnet.models.backbones.blocks import BasicBlock, Bottleneck, ConvFactory, ResidualBlock
from mmresnet.models.backbones.residual_net import ResidualNet
from mmresnet.models.backbones.shortcuts import (
    no_shortcut,
    pooled_projection,
    projection,
    projection_in_every_block,
    zero_padding,
)
from mmresnet.models.backbones.stems import deep_stem, imagenet_stem
from mmresnet.registry import MODELS

DEFAULT_INIT: list[dict[str, Any]] = [
    dict(type="Kaiming", layer=["Conv2d"]),
    dict(type="Constant", val=1, layer=["_BatchNorm", "GroupNorm"]),
]


@MODELS.register_module()
class ResNet(ResidualNet):
    """ResNet of He et al. 2015 (Table 1), with the keywords of OpenMMLab's packages.

    The same weights give bit-identical outputs to ``ResNet`` of mmpretrain 1.2.0, mmdet 3.3.0 and
    mmsegmentation 1.2.2. Where their defaults differ, ``out_indices`` is the last stage (mmdet and
    mmsegmentation: all four), ``norm_eval`` is False (mmdet: True) and ``stem_channels`` is
    ``base_channels`` (mmpretrain and mmsegmentation: 64). Plugins at the same position follow each
    other, as in mmdet (mmsegmentation: only the last has an effect).

    Args:
        depth: 18, 34, 50, 101 or 152.
        in_channels: Channels of the input image.
        stem_channels: Channels of the stem's output. None: ``base_channels``.
        base_channels: Width of the first stage's 3×3 convolutions; each stage doubles it.
        expansion: Output channels of a block over the width of its 3×3. None: the paper's, 1 for
            basic blocks and 4 for bottlenecks.
        num_stages: 1 to 4; later stages are not built.
        strides: Stride of each stage's first block.
        dilations: Dilation of each stage's 3×3 convolutions.
        out_indices: Stages to return, counted from 0. None: the last.
        style: Which convolution of a bottleneck has the stride: ``'pytorch'``, the 3×3, or
            ``'caffe'``, the first 1×1.
        deep_stem: Three 3×3 convolutions in place of the 7×7 (ResNet-C).
        avg_down: Pool before the shortcut's 1×1 convolution instead of striding it (ResNet-D).
        shortcut: The paper's option (Sec. 4.1, Table 3): ``'A'``, zero padding where the shape
            changes, without parameters; ``'B'``, projections there; ``'C'``, projections in every
            block; or ``'D'``, as ``avg_down``. None: the first of ``shortcuts``, here B.
        frozen_stages: Freeze the stem and this many stages; -1: nothing.
        conv_cfg: mmcv's config of the convolutions, e.g. ``dict(type='ConvWS')``.
        norm_cfg: mmcv's config of the norm layers: BN, SyncBN or GN.
        norm_eval: Keep BatchNorm in evaluation mode while training.
        dcn: Config of the deformable convolution in place of the bottleneck's 3×3.
        stage_with_dcn: Which stages have it.
        plugins: Layers inside bottlenecks: dicts of ``cfg``, ``position`` (``'after_conv1'``
            to ``'after_conv3'``) and optionally ``stages``, a bool for each stage.
        multi_grid: Dilation of each block of the last stage, in place of that in ``dilations``
            (Chen et al. 2017, DeepLabv3, Sec. 3.2.1, where it is a factor on the stage's).
        contract_dilation: Halve the dilation of each stage's first block, as mmsegmentation's
            recipes do; a ``multi_grid`` is left unchanged.
        with_cp: Save memory by computing each block's branch again in the backward pass.
        zero_init_residual: The last norm layer of each block starts at zero (Goyal et al. 2017).
        pretrained: Deprecated; use ``init_cfg=dict(type='Pretrained', checkpoint=…)``.
        init_cfg: mmengine's initialization config. None: He initialization.
        drop_path_rate: Stochastic depth: the rate of the last block, growing from 0 at the first.

    Raises:
        ValueError: An argument is out of range; the message gives the range.
        TypeError: An argument is of the wrong type.
    """

    arch_settings: ClassVar[dict[int, tuple[type[ResidualBlock], tuple[int, ...]]]] = {
        18: (BasicBlock, (2, 2, 2, 2)),
        34: (BasicBlock, (3, 4, 6, 3)),
        50: (Bottleneck, (3, 4, 6, 3)),
        101: (Bottleneck, (3, 4, 23, 3)),
        152: (Bottleneck, (3, 8, 36, 3)),
    }
    stems: ClassVar[dict[bool, Callable[..., Any]]] = {False: imagenet_stem, True: deep_stem}
    # the first is the default
    shortcuts: ClassVar[dict[str, Callable[..., Any]]] = {
        "B": projection,
        "A": zero_padding,
        "C": projection_in_every_block,
        "D": pooled_projection,
    }

    def __init__(
        self,
        depth: int,
        in_channels: int = 3,
        stem_channels: int | None = None,
        base_channels: int = 64,
        expansion: int | None = None,
        num_stages: int = 4,
        strides: Sequence[int] = (1, 2, 2, 2),
        dilations: Sequence[int] = (1, 1, 1, 1),
        out_indices: Sequence[int] | None = None,
        style: str = "pytorch",
        deep_stem: bool = False,
        avg_down: bool = False,
        frozen_stages: int = -1,
        conv_cfg: dict[str, Any] | None = None,
        norm_cfg: dict[str, Any] | None = None,
        norm_eval: bool = False,
        dcn: dict[str, Any] | None = None,
        stage_with_dcn: Sequence[bool] = (False, False, False, False),
        plugins: Sequence[dict[str, Any]] | None = None,
        multi_grid: Sequence[int] | None = None,
        contract_dilation: bool = False,
        with_cp: bool = False,
        zero_init_residual: bool = True,
        pretrained: str | None = None,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
        drop_path_rate: float = 0.0,
        shortcut: str | None = None,
    ) -> None:
        block, repeats = self.arch(depth)
        out_indices = (num_stages - 1,) if out_indices is None else out_indices
        name = type(self).__name__
        check_arguments(
            name,
            style=style,
            num_stages=(num_stages, len(repeats)),
            per_stage={
                "strides": strides,
                "dilations": dilations,
                **({"stage_with_dcn": stage_with_dcn} if dcn else {}),
            },
            out_indices=out_indices,
            frozen_stages=frozen_stages,
            plugins=plugins,
            positive={
                "in_channels": in_channels,
                "base_channels": base_channels,
                "stem_channels": stem_channels or base_channels,
                "expansion": expansion or block.expansion,
            },
        )
        make_stem = choose_stem(name, self.stems, deep_stem)
        make_shortcut = choose_shortcut(name, self.shortcuts, shortcut, avg_down)
        conv_cfg = conv_cfg and scoped(conv_cfg)
        norm_cfg = scoped(norm_cfg or dict(type="BN"))
        conv = partial(build_conv_layer, conv_cfg)
        norm = partial(build_norm_layer, norm_cfg)
        expansion = expansion or block.expansion
        rates = torch.linspace(0, drop_path_rate, sum(repeats), device="cpu").tolist()

        inputs = stem_channels or base_channels
        stem = make_stem(in_channels, inputs, conv_cfg, norm_cfg)
        stages = []
        for index in range(num_stages):
            mid = base_channels * 2**index
            grid = multi_grid if index == num_stages - 1 else None
            options: dict[str, Any] = dict(
                conv=conv,
                norm=norm,
                style=style,
                dcn=_deformable(dcn, conv_cfg) if dcn and stage_with_dcn[index] else None,
                plugins=_plugins_of_stage(plugins or (), index),
                with_cp=with_cp,
            )
            blocks = []
            per_block = block_dilations(dilations[index], repeats[index], contract_dilation, grid)
            for number, dilation in enumerate(per_block):
                stride = strides[index] if number == 0 else 1
                outputs = mid * expansion
                blocks.append(
                    block(
                        inputs,
                        mid,
                        outputs,
                        stride=stride,
                        dilation=dilation,
                        shortcut=make_shortcut(inputs, outputs, stride, conv, norm),
                        drop_path_rate=rates.pop(0),
                        **options,
                    )
                )
                inputs = outputs
            stages.append(Sequential(*blocks))

        super().__init__(
            stem,
            stages,
            out_indices,
            frozen_stages,
            norm_eval,
            zero_init_residual,
            _init_cfg(init_cfg, pretrained),
        )
        self.depth = depth
        self.stem_channels = stem_channels or base_channels
        self.feat_dim = inputs

    @classmethod
    def arch(cls, depth: int) -> tuple[type[ResidualBlock], tuple[int, ...]]:
        """Return the block class and the number of blocks in each stage.

        Raises:
            ValueError: There is no such depth.
        """
        if depth not in cls.arch_settings:
            allowed = ", ".join(map(str, cls.arch_settings))
            raise UserValueError(
                f"{cls.__name__} has no depth {depth!r}; its depths are {allowed}."
                f"{did_you_mean(depth, cls.arch_settings)}"
            )
        return cls.arch_settings[depth]


@MODELS.register_module()
class ResNetV1c(ResNet):
    """ResNet with the deep stem (He et al. 2018, Bag of Tricks, ResNet-C)."""

    def __init__(self, depth: int, **kwargs: Any) -> None:
        super().__init__(depth, deep_stem=True, **kwargs)


@MODELS.register_module()
class ResNetV1d(ResNet):
    """ResNet with the deep stem and pooled shortcuts (Bag of Tricks, ResNet-D)."""

    def __init__(self, depth: int, **kwargs: Any) -> None:
        super().__init__(depth, deep_stem=True, avg_down=True, **kwargs)


@MODELS.register_module()
class PlainNet(ResNet):
    """plain-18 and plain-34: ResNet without its shortcuts (paper, Sec. 3.3 and Fig. 3, middle)."""

    arch_settings: ClassVar = {depth: ResNet.arch_settings[depth] for depth in (18, 34)}
    stems: ClassVar = {False: imagenet_stem}
    shortcuts: ClassVar = {"none": no_shortcut}


def _plugins_of_stage(plugins: Sequence[dict[str, Any]], index: int) -> list[dict[str, Any]]:
    return [
        {**plugin, "cfg": scoped(plugin["cfg"])}
        for plugin in plugins
        if plugin.get("stages") is None or plugin["stages"][index]
    ]


def _deformable(dcn: dict[str, Any], conv_cfg: dict[str, Any] | None) -> ConvFactory | None:
    """Return the factory of the deformable convolution, or None where ``dcn`` turns it off.

    Agrees with mmdet/models/backbones/resnet.py: ``fallback_on_stride=True`` builds the plain one.
    Installs mmresnet's operators, which the net needs where mmcv is not compiled.
    """
    dcn = dict(scoped(dcn))
    if dcn.pop("fallback_on_stride", False):
        return None
    if conv_cfg is not None:
        raise UserValueError(
            f"dcn={dcn} and conv_cfg={conv_cfg} both configure the 3×3 convolution: give one."
        )
    ops.install()
    import mmcv.ops  # noqa: F401  registers the layers that need the operators

    return partial(build_conv_layer, dcn)


def _init_cfg(
    init_cfg: dict[str, Any] | list[dict[str, Any]] | None, pretrained: str | None
) -> dict[str, Any] | list[dict[str, Any]]:
    if pretrained is None:
        return copy.deepcopy(DEFAULT_INIT) if init_cfg is None else init_cfg
    if init_cfg is not None:
        raise UserValueError(
            "pretrained and init_cfg are two names of one setting: give init_cfg alone."
        )
    if not isinstance(pretrained, str):
        raise UserTypeError(f"pretrained={pretrained!r} must be a path, an address or a name.")
    warnings.warn(
        "pretrained is deprecated: write init_cfg=dict(type='Pretrained', checkpoint=…).",
        DeprecationWarning,
        stacklevel=3,
    )
    return dict(type="Pretrained", checkpoint=pretrained)
