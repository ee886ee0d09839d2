"""PyTorch's own format, for a program with PyTorch, on any device."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.export.targets.program import input_shape, trace

if TYPE_CHECKING:
    import numpy as np

    from mmresnet.export.wrappers import Exportable


def write(module: Exportable, folder: Path) -> dict[str, Any]:
    """Write ``model.pt2``."""
    import torch

    program = trace(module)
    # Without these, a call checks the ranges of the sizes alone. With them it also checks whatever
    # was compared while tracing, such as strides, and refuses sizes that the model computes well.
    program.example_inputs = None
    # Writing a file itself, PyTorch ends the process where the disk is full.
    content = io.BytesIO()
    torch.export.save(program, content)
    (folder / "model.pt2").write_bytes(content.getbuffer())
    return {"input_shape": input_shape(program)}


def load(folder: Path) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Return a function from images, (N, H, W, 3) uint8, to the outputs of the model."""
    import torch
    import torchvision  # noqa: F401  its operators

    model = torch.export.load(folder / "model.pt2").module()

    def predict(images: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            return [output.numpy() for output in model(torch.from_numpy(images))]

    return predict
