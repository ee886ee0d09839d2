"""Machine code that TorchInductor compiles ahead of time, for a program with PyTorch."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserError
from mmresnet.export.targets.program import input_shape, trace

if TYPE_CHECKING:
    import numpy as np
    from torch.export import ExportedProgram

    from mmresnet.export.wrappers import Exportable

_COMPILERS = ("g++", "clang++")
_CONVOLUTIONS = ("conv2d", "conv_transpose2d")


def check_compiler() -> str:
    """Return the C++ compiler that TorchInductor will call.

    Raises:
        UserError: There is none.
    """
    names = [os.environ["CXX"]] if os.environ.get("CXX") else _COMPILERS
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise UserError(
            f"--to aoti compiles the model, and there is no C++ compiler here ({', '.join(names)}):"
            " install one (apt install g++), name it in the environment variable CXX, or take "
            "--to torch, which needs none."
        )
    return found


def write(module: Exportable, folder: Path) -> dict[str, Any]:
    """Write ``model.pt2``, which runs on CPUs with this one's instructions.

    Raises:
        UserError: There is no C++ compiler.
    """
    from torch._inductor import aoti_compile_and_package

    compiler = check_compiler()
    program = trace(module)
    # torch 2.14 computes these channels last, and reads what they return as if it were not
    settings = {"layout_optimization": False} if _convolves_regions(program) else {}
    content = io.BytesIO()  # writing a file itself, PyTorch ends the process where the disk is full
    aoti_compile_and_package(program, package_path=content, inductor_configs=settings)
    (folder / "model.pt2").write_bytes(content.getbuffer())
    return {"compiler": Path(compiler).name, "input_shape": input_shape(program)}


def _convolves_regions(program: ExportedProgram) -> bool:
    """Return whether a convolution takes as many maps as was found in the image, as of C4."""
    from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols

    return any(
        getattr(node.target, "_opname", None) in _CONVOLUTIONS
        and free_unbacked_symbols(node.args[0].meta["val"])
        for node in program.graph.nodes
    )


def load(folder: Path) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Return a function from images, (N, H, W, 3) uint8, to the outputs of the model."""
    import torch
    import torchvision  # noqa: F401  its operators

    model = torch._inductor.aoti_load_package(str(folder / "model.pt2"))

    def predict(images: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            return [output.numpy() for output in model(torch.from_numpy(images))]

    return predict
