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
# Images from which OpenVINO pays. It takes up to 5 s more to be ready; an image takes 1.3 to 3 ms
# less by a ResNet-50, and 140 ms less by a Faster R-CNN in float32, but more in bfloat16
# (docs/performance.md).
CLASSIFIER_PAYS_FROM, DETECTOR_PAYS_FROM = 4000, 100


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
        engine: "auto" is OpenVINO where it is installed and pays: on a CPU, for a classifier and
            at least 4,000 images, or a detector in float32 and at least 100, with a backbone of
            this package, unless its outputs differ.
        dtype: torch.float32, torch.bfloat16 or torch.float16.
        images: How many images the model will get, as far as that is known.

    Returns:
        The engine that computes the backbone.

    Raises:
        UserError: The engine cannot compute this model.
    """
    from mmresnet.inference.engines.fused_model import FusedNet, fuse

    if engine == "auto" and not _pays(model, dtype, images):
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


def _pays(model: nn.Module, dtype: torch.dtype, images: int) -> bool:
    """Return whether OpenVINO is installed and computes so many images sooner."""
    import torch

    on_cpu = next(model.parameters()).device.type == "cpu"
    if not on_cpu or importlib.util.find_spec("openvino") is None:
        return False
    if hasattr(model, "head"):  # a classifier
        return images >= CLASSIFIER_PAYS_FROM
    return images >= DETECTOR_PAYS_FROM and dtype == torch.float32
