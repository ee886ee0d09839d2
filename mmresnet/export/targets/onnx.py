"""ONNX, for ONNX Runtime and everything else that reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.export.targets.program import input_shape, trace

if TYPE_CHECKING:
    import numpy as np

    from mmresnet.export.wrappers import Exportable

OPSET = 18
"""That of torch's exporter: for a newer one it converts its result."""

_ONE_FILE = 2**31 - 2**20  # bytes; protobuf's limit


def write(module: Exportable, folder: Path) -> dict[str, Any]:
    """Write ``model.onnx``; weights of 2 GB and more are beside it."""
    import torch

    program = trace(module)
    converted = torch.onnx.export(
        program,
        dynamo=True,
        opset_version=OPSET,
        input_names=["images"],
        output_names=list(module.output_names),
        verbose=False,
    )
    assert converted is not None
    size = sum(tensor.nbytes for tensor in program.state_dict.values())
    converted.save(folder / "model.onnx", external_data=size > _ONE_FILE)
    return {"opset": OPSET, "input_shape": input_shape(program)}


def load(folder: Path) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Return a function from images, (N, H, W, 3) uint8, to the outputs of the model."""
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "model.onnx")
    return lambda images: session.run(None, {"images": images})
