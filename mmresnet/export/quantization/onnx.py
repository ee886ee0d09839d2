"""ONNX models for NNCF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mmresnet.export.task import Predict

FILE = "model.onnx"
_WITH_WEIGHTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_MAPS = 4  # dimensions


def read(folder: Path) -> Any:
    """Return the model in a folder."""
    import onnx

    return onnx.load(folder / FILE)


def write(model: Any, folder: Path) -> None:
    """Write a model."""
    import onnx

    onnx.save(model, folder / FILE)


def item(image: np.ndarray) -> Any:
    """Return the input of one image."""
    return {"images": image[None]}


def prepared(model: Any) -> Predict:
    """Return a function that runs what NNCF gives to a function of validation."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString())
    return lambda images: session.run(None, {"images": images})


def beside_the_maps(model: Any) -> list[str]:
    """Return what computes neither feature maps nor products with weights: boxes and scores."""
    import onnx

    inferred = onnx.shape_inference.infer_shapes(model)
    maps = {
        value.name
        for value in (*inferred.graph.value_info, *inferred.graph.output)
        if len(value.type.tensor_type.shape.dim) == _MAPS
    }
    return [
        node.name
        for node in model.graph.node
        if node.op_type not in _WITH_WEIGHTS and not maps & set(node.output)
    ]


def layers(model: Any) -> dict[str, bool]:
    """Return the names of the convolutions and matrix products, and whether they are in 8 bits.

    The weights of a layer in 8 bits come from a DequantizeLinear.
    """
    maker = {name: node.op_type for node in model.graph.node for name in node.output}
    return {
        node.name: maker.get(node.input[1]) == "DequantizeLinear"
        for node in model.graph.node
        if node.op_type in _WITH_WEIGHTS
    }


def weights(model: Any) -> dict[str, str]:
    """Return what the weights of each of these layers are called, of a model in float32."""
    return {node.name: node.input[1] for node in model.graph.node if node.op_type in _WITH_WEIGHTS}


def batch_of(model: Any) -> int:
    """Return the number of images to time it with: 16, or what it is fixed to."""
    images = model.graph.input[0].type.tensor_type.shape.dim[0]
    return int(images.dim_value) or 16


def other_precisions(model: Any) -> dict[str, Predict]:
    """Return nothing: ONNX Runtime does not compute in bfloat16 on CPUs."""
    return {}
