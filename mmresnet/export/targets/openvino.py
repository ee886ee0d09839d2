"""OpenVINO's format, for CPUs, and for Intel's GPUs and NPUs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.export.targets.program import input_shape, trace

if TYPE_CHECKING:
    import numpy as np

    from mmresnet.export.wrappers import Exportable


def write(module: Exportable, folder: Path) -> dict[str, Any]:
    """Write ``model.xml`` and ``model.bin``."""
    import openvino

    model, shape = _by_onnx(module) if module.through_onnx else _by_program(module)
    for output, name in zip(model.outputs, module.output_names, strict=True):
        output.get_tensor().set_names({name})
    model.reshape({0: [-1 if size is None else size for size in shape]})
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)
    return {"input_shape": shape}


def _by_program(module: Exportable) -> tuple[Any, list[int | None]]:
    import openvino

    program = trace(module)
    model = openvino.convert_model(program)
    _name_weights(model, program.graph_signature.inputs_to_parameters)
    return model, input_shape(program)


def _name_weights(model: Any, parameters: Mapping[str, str]) -> None:
    """Give weights the names that they have in PyTorch, as they come from ONNX.

    Args:
        parameters: These names, by those in the graph: ``p_backbone_conv1_weight``.
    """
    names = {f"{name.removeprefix('p_')}:0": own for name, own in parameters.items()}
    for op in model.get_ops():
        if op.get_type_name() == "Constant":
            for name in op.output(0).get_names() & names.keys():
                op.set_friendly_name(names[name])


def _by_onnx(module: Exportable) -> tuple[Any, list[int | None]]:
    import openvino

    from mmresnet.export.targets import TARGETS, onnx

    TARGETS["onnx"].check_installed("--to openvino of a detector")
    with tempfile.TemporaryDirectory() as folder:
        written = onnx.write(module, Path(folder))
        return openvino.convert_model(Path(folder) / "model.onnx"), written["input_shape"]


def load(folder: Path) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Return a function from images, (N, H, W, 3) uint8, to the outputs of the model."""
    import openvino

    # by default OpenVINO computes in bfloat16 where the CPU has it
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(folder / "model.xml", "CPU", settings)
    return lambda images: list(model(images).to_tuple())
