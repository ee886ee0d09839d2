"""Backbones computed by OpenVINO."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from mmresnet.errors import MissingPackageError, UserError

_PRECISIONS = {torch.float32: "f32", torch.bfloat16: "bf16", torch.float16: "f16"}


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

    Args:
        net: The backbone, in eval mode and float32.
        dtype: What to compute in; the outputs are float32.

    Raises:
        UserError: OpenVINO has no operator for a layer of the backbone.
    """

    def __init__(self, net: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        openvino: Any = importlib.import_module("openvino")

        channels = next(net.parameters()).shape[1]
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # of torch.jit, which OpenVINO's converter uses
            try:
                traced = torch.jit.trace(net, torch.zeros(1, channels, 64, 64), check_trace=False)
                model = openvino.convert_model(traced, input=[("x", [-1, channels, -1, -1])])
            except Exception as error:  # the converter raises any
                raise UserError(
                    f"OpenVINO cannot convert the backbone {type(net).__name__} of this config; "
                    f"leave engine='openvino' out. ({str(error).strip().splitlines()[0]})"
                ) from error
        settings = {
            "INFERENCE_PRECISION_HINT": _PRECISIONS[dtype],
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        compiled = openvino.compile_model(model, "CPU", settings)
        self._request = compiled.create_infer_request()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """``(N, 3, H, W)`` to the feature maps of the backbone, in float32."""
        self._request.infer([x.float().contiguous().numpy()])
        # the next call overwrites them
        return tuple(torch.from_numpy(one.data.copy()) for one in self._request.output_tensors)
