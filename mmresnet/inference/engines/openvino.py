"""Backbones computed by OpenVINO."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import torch
from torch import Tensor, nn

from mmresnet.errors import ExportError, MissingPackageError
from mmresnet.inference.engines import converted

_PRECISIONS = {torch.float32: "f32", torch.bfloat16: "bf16", torch.float16: "f16"}
# What the outputs may differ from PyTorch's in float32, as a part of the largest one.
_TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.05}


def check_installed() -> None:
    """Check that OpenVINO can be imported.

    Raises:
        MissingPackageError: It is not installed.
    """
    if importlib.util.find_spec("openvino") is None:
        raise MissingPackageError(
            "engine='openvino' needs the package 'openvino', which is not installed: "
            "pip install openvino, or leave the engine out."
        )


class OpenVinoNet(nn.Module):
    """A backbone compiled by OpenVINO for this CPU: same inputs and outputs.

    It is converted once, and then kept in the cache of downloads. Its outputs are compared with
    those of ``net``: in float32 when it is converted, in ``dtype`` when it comes from the cache.

    Args:
        net: The backbone, in eval mode and float32.
        dtype: What to compute in; the outputs are float32.

    Raises:
        UserError: OpenVINO has no operator for a layer of the backbone.
        ExportError: OpenVINO computes something else than PyTorch.
    """

    def __init__(self, net: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        place = converted.place_of(net)
        kept = converted.read(place)
        if kept is not None:
            self._compile(kept, dtype)
            if self._difference(net) <= _TOLERANCES[dtype]:
                return
        model = converted.convert(net)
        self._compile(model, torch.float32)
        difference = self._difference(net)
        if not difference <= _TOLERANCES[torch.float32]:
            raise ExportError(
                f"OpenVINO does not compute what the backbone {type(net).__name__} computes: its "
                f"outputs differ by {difference:.2g} of the largest one. Leave engine='openvino' "
                "out."
            )
        converted.keep(model, place)
        if dtype != torch.float32:
            self._compile(model, dtype)

    def _compile(self, model: Any, dtype: torch.dtype) -> None:
        openvino: Any = importlib.import_module("openvino")
        settings = {
            "INFERENCE_PRECISION_HINT": _PRECISIONS[dtype],
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        self._request = openvino.compile_model(model, "CPU", settings).create_infer_request()

    @torch.inference_mode()
    def _difference(self, net: nn.Module) -> float:
        """Return the largest difference of the outputs, as a part of the largest output."""
        channels = next(net.parameters()).shape[1]
        x = torch.randn(2, channels, 64, 96, generator=torch.Generator().manual_seed(0))
        ours, theirs = net(x), self(x)
        if [one.shape for one in ours] != [one.shape for one in theirs]:
            return float("inf")
        pairs = zip(ours, theirs, strict=True)
        return max(float((a - b).abs().max() / a.abs().max().clamp(min=1e-9)) for a, b in pairs)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """``(N, 3, H, W)`` to the feature maps of the backbone, in float32."""
        self._request.infer([x.float().contiguous().numpy()])
        # the next call overwrites them
        return tuple(torch.from_numpy(one.data.copy()) for one in self._request.output_tensors)
