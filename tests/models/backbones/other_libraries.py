"""Backbones of the other libraries, and their weights under our names."""

import torch
from torch import nn

import mmresnet.ops


def import_mmdet_resnet() -> type[nn.Module]:
    """Return mmdet's ResNet, also where mmcv has no compiled operators.

    mmdet imports every operator when its backbones are imported.
    """
    mmresnet.ops.install()
    from mmdet.models.backbones.resnet import ResNet

    return ResNet


def randomise(net: nn.Module, seed: int = 0) -> nn.Module:
    """Draw every parameter and running statistic, so that no layer's output is zero."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in net.state_dict().items():
        if not tensor.is_floating_point():
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        if "running_var" in name or (tensor.ndim == 1 and name.endswith("weight")):
            tensor.copy_(1 + 0.2 * noise.tanh())
        elif tensor.ndim == 1:
            tensor.copy_(0.1 * noise)
        else:
            tensor.copy_(noise * (2 / max(1, tensor[0].numel())) ** 0.5)
    return net


def to_our_names(other: nn.Module, ours: nn.Module) -> dict[str, torch.Tensor]:
    """Return the state dict of another library's net under our names, paired in order.

    mmdet's deep stem counts its layers (``stem.0, stem.1, stem.3 …``) where ours names them, and
    its pooled shortcut has a pool also at stride 1; the tensors and their order are the same.
    """
    theirs, names = list(other.state_dict().values()), list(ours.state_dict())
    assert len(theirs) == len(names), f"{len(theirs)} tensors there, {len(names)} here"
    return dict(zip(names, theirs, strict=True))
