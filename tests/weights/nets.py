"""Nets of this package and of other libraries, every tensor with values of its own."""

import functools

import mmengine.registry
import torch
from mmengine.registry import DefaultScope
from other_libraries import import_mmdet_resnet, randomise
from torch import nn

import mmresnet.registry  # noqa: F401
from mmresnet.registry import MODELS


def ours(type: str = "ResNet", depth: int = 18, **settings: object) -> nn.Module:
    """Return a backbone of ours in eval mode."""
    return MODELS.build(dict(type=f"mmresnet.{type}", depth=depth, **settings)).eval()


def classifier(type: str = "ResNet", depth: int = 18, classes: int = 10, **settings) -> nn.Module:
    """Return mmpretrain's classifier around a backbone of ours."""
    channels = 64 if type.startswith("Cifar") else 512 if depth < 50 else 2048
    model = dict(
        type="mmpretrain.ImageClassifier",
        backbone=dict(type=f"mmresnet.{type}", depth=depth, **settings),
        neck=dict(type="mmresnet.GlobalAveragePooling"),
        head=dict(
            type="mmresnet.LinearClsHead",
            num_classes=classes,
            in_channels=channels,
            loss=dict(type="mmresnet.CrossEntropyLoss"),
        ),
    )
    return build(model, "mmpretrain").eval()


def build(model: dict, scope: str) -> nn.Module:
    """Build a model in its own scope, whatever scope an earlier run in this process left."""
    with DefaultScope.overwrite_default_scope(scope):
        return mmengine.registry.MODELS.build(model)


def timm_net(name: str, **settings) -> nn.Module:
    import timm

    return randomise(timm.create_model(name, **settings)).eval()


def torchvision_net(name: str, **settings) -> nn.Module:
    import torchvision

    return randomise(getattr(torchvision.models, name)(**settings)).eval()


def hugging_face_net(depth: int) -> nn.Module:
    """Return transformers' classifier as the published ones are configured."""
    from transformers import ResNetConfig, ResNetForImageClassification

    blocks = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
    basic = depth < 50
    config = ResNetConfig(
        depths=list(blocks[depth]),
        layer_type="basic" if basic else "bottleneck",
        hidden_sizes=[64, 128, 256, 512] if basic else [256, 512, 1024, 2048],
        num_labels=10,
    )
    return randomise(ResNetForImageClassification(config)).eval()


def mmdet_net(depth: int = 50, **settings) -> nn.Module:
    net = randomise(import_mmdet_resnet()(depth, norm_eval=False, **settings))
    net.eval()  # returns nothing there
    return net


def as_detectron2(net: nn.Module, affine: bool = False) -> dict[str, torch.Tensor]:
    """Return the weights of a plain net as detectron2's converter of torchvision's names them.

    ``affine`` gives the names of Caffe2 and its norm layers: a scale and a bias, with the
    statistics in them, as MSRA published theirs.
    """
    made = {}
    for name, tensor in net.state_dict().items():
        made.update(_as_caffe2(name, net, tensor) if affine else {_as_d2(name): tensor})
    return made


def _as_d2(name: str) -> str:
    parts = name.split(".")
    if parts[0] == "conv1":
        return f"stem.conv1.{parts[1]}"
    if parts[0] == "bn1":
        return f"stem.conv1.norm.{parts[1]}"
    stage, block, layer = int(parts[0][-1]) + 1, parts[1], parts[2]
    if layer == "downsample":
        layer, parts = ("shortcut" if parts[3] == "0" else "shortcut.norm"), parts[1:]
    elif layer.startswith("bn"):
        layer = f"conv{layer[2]}.norm"
    return f"res{stage}.{block}.{layer}.{parts[3]}"


def _as_caffe2(name: str, net: nn.Module, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    module, _, parameter = name.rpartition(".")
    if parameter not in ("weight", "bias"):
        return {}
    parts = module.split(".")
    if len(parts) == 1:
        base = "conv1" if parts[0] == "conv1" else "res_conv1"
    else:
        base = f"res{int(parts[0][-1]) + 1}_{parts[1]}_branch"
        base += "1" if parts[2] == "downsample" else f"2{'abc'[int(parts[2][-1]) - 1]}"
    if tensor.ndim > 1:
        return {f"{base}_w": tensor}
    layer = net.get_submodule(module)
    scale = layer.weight * (layer.running_var + layer.eps).rsqrt()
    bias = layer.bias - layer.running_mean * scale
    return {f"{base}_bn_s": scale} if parameter == "weight" else {f"{base}_bn_b": bias}


@functools.cache
def image(side: int = 64) -> torch.Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max())
