"""The graph of a model, from which every target is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.export import Dim

from mmresnet.export.wrappers import Exportable

if TYPE_CHECKING:
    from torch.export import ExportedProgram


def trace(module: Exportable) -> ExportedProgram:
    """Return the graph; dimensions on which a layer depends are fixed to those of the example."""
    shapes = dict.fromkeys(module.dynamic, Dim.AUTO)
    with torch.no_grad():
        return torch.export.export(
            module, (module.example_images(),), dynamic_shapes={"images": shapes}, strict=False
        )


def input_shape(program: ExportedProgram) -> list[int | None]:
    """Return the shape of ``images``; None is a dimension that may vary."""
    name = program.graph_signature.user_inputs[0]
    node = next(node for node in program.graph.nodes if node.name == name)
    return [size if isinstance(size, int) else None for size in node.meta["val"].shape]
