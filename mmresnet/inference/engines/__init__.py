"""What computes a model: PyTorch with fused layers, or OpenVINO for the backbone."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from mmresnet.errors import ExportError, UserError, did_you_mean

if TYPE_CHECKING:
    import torch
    from torch import nn

    from mmresnet.models.backbones.residual_net import ResidualNet

ENGINES = ("auto", "pytorch", "openvino")
# OpenVINO computes an image by ResNet-50 in 1.3 to 3 ms less, and takes up to 5 s more to be ready
# (docs/performance.md).
PAYS_FROM = 4000


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


def optimize(model: nn.Module, engine: str, dtype: torch.dtype, images: int = 0) -> str:
    """Make a model in eval mode faster, in place: it is for inference only from then on.

    Args:
        engine: "auto" is OpenVINO where it is installed and pays: for a classifier of this package
            on a CPU and at least ``PAYS_FROM`` images, unless its outputs differ.
        dtype: torch.float32, torch.bfloat16 or torch.float16.
        images: How many images the model will get, as far as that is known.

    Returns:
        The engine that computes the backbone.

    Raises:
        UserError: The engine cannot compute this model.
    """
    from mmresnet.inference.engines.fused_model import FusedNet, fuse

    if engine == "auto" and not (images >= PAYS_FROM and _may_pay(model)):
        engine = "pytorch"
    if engine == "pytorch":
        fuse(model, dtype)
        return engine
    from mmresnet.inference.engines.openvino import OpenVinoNet

    def net_of(net: ResidualNet) -> nn.Module:
        try:
            return OpenVinoNet(net, dtype)
        except (ExportError, UserError):
            if engine == "openvino":
                raise
            return FusedNet(net, dtype)

    fuse(model, dtype, net_of)
    if any(isinstance(module, OpenVinoNet) for module in model.modules()):
        return "openvino"
    if engine == "auto":
        return "pytorch"
    kind = type(getattr(model, "backbone", None)).__name__
    raise UserError(
        f"engine='openvino' computes the backbones of mmresnet, and the config has another "
        f"{kind}: set model.backbone.type='mmresnet.ResNet', or leave the engine out."
    )


def _may_pay(model: nn.Module) -> bool:
    """Return whether OpenVINO is installed and a model a classifier on a CPU."""
    on_cpu = next(model.parameters()).device.type == "cpu"
    return on_cpu and hasattr(model, "head") and importlib.util.find_spec("openvino") is not None
