"""OpenVINO's models for NNCF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mmresnet.export.task import Predict

FILE = "model.xml"
_WITH_WEIGHTS = ("Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul")
_MAPS = 4  # dimensions


def read(folder: Path) -> Any:
    """Return the model in a folder."""
    import openvino

    return openvino.Core().read_model(folder / FILE)


def write(model: Any, folder: Path) -> None:
    """Write a model; weights that stay in float32 are not rounded to 16 bits."""
    import openvino

    openvino.save_model(model, folder / FILE, compress_to_fp16=False)


def item(image: np.ndarray) -> Any:
    """Return the input of one image."""
    return image[None]


def prepared(compiled: Any) -> Predict:
    """Return a function that runs what NNCF gives to a function of validation."""
    return lambda images: list(compiled(images).to_tuple())


def beside_the_maps(model: Any) -> list[str]:
    """Return what computes neither feature maps nor products with weights: boxes and scores."""
    return [
        op.get_friendly_name()
        for op in model.get_ops()
        if op.get_type_name() not in _WITH_WEIGHTS
        and all(output.get_partial_shape().rank != _MAPS for output in op.outputs())
    ]


def layers(model: Any) -> dict[str, bool]:
    """Return the names of the convolutions and matrix products, and whether they are in 8 bits.

    Weights in float32 are constants; those in 8 bits are multiplied by their scales.
    """
    return {
        op.get_friendly_name(): op.input_value(1).get_node().get_type_name() == "Multiply"
        for op in model.get_ops()
        if op.get_type_name() in _WITH_WEIGHTS
    }


def weights(model: Any) -> dict[str, str]:
    """Return what the weights of each of these layers are called, of a model in float32."""
    return {
        op.get_friendly_name(): op.input_value(1).get_node().get_friendly_name()
        for op in model.get_ops()
        if op.get_type_name() in _WITH_WEIGHTS
    }


def batch_of(model: Any) -> int:
    """Return the number of images to time it with: 16, or what it is fixed to."""
    images = model.inputs[0].get_partial_shape()[0]
    return 16 if images.is_dynamic else int(images.get_length())


def other_precisions(model: Any) -> dict[str, Predict]:
    """Return the float32 model as OpenVINO runs it in bfloat16, where the CPU has that."""
    import openvino

    core = openvino.Core()
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return {}
    settings = {"INFERENCE_PRECISION_HINT": "bf16"}
    return {"bfloat16": prepared(core.compile_model(model, "CPU", settings))}
