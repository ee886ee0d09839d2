"""What computes a model: PyTorch with fused layers, or OpenVINO for the backbone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmresnet.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import torch
    from torch import nn

ENGINES = ("pytorch", "openvino")


def check_engine(engine: str, device: str) -> None:
    """Check the name of an engine, that its package is installed, and that it suits the device.

    Raises:
        UserError: There is no such engine, or it does not compute on this device.
        MissingPackageError: It is not installed.
    """
    if engine not in ENGINES:
        raise UserError(
            f"engine is {' or '.join(map(repr, ENGINES))}, not {engine!r}."
            f"{did_you_mean(engine, ENGINES)}"
        )
    if engine == "openvino":
        if device != "cpu":
            raise UserError(
                "engine='openvino' computes on CPUs, and the device is a GPU: add device='cpu', or "
                "leave the engine out."
            )
        from mmresnet.inference.engines.openvino import check_installed

        check_installed()


def optimize(model: nn.Module, engine: str, dtype: torch.dtype) -> None:
    """Make a model in eval mode faster, in place: it is for inference only from then on.

    Args:
        dtype: torch.float32, torch.bfloat16 or torch.float16.

    Raises:
        UserError: The engine cannot compute this model.
    """
    from mmresnet.inference.engines.fused_model import fuse

    if engine == "pytorch":
        fuse(model, dtype)
        return
    from mmresnet.inference.engines.openvino import OpenVinoNet

    fuse(model, dtype, lambda net: OpenVinoNet(net, dtype))
    if not any(isinstance(module, OpenVinoNet) for module in model.modules()):
        kind = type(getattr(model, "backbone", None)).__name__
        raise UserError(
            f"engine='openvino' computes the backbones of mmresnet, and the config has another "
            f"{kind}: set model.backbone.type='mmresnet.ResNet', or leave the engine out."
        )
