"""Which layer of a written model is the first to compute something else."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmresnet.export.targets import Target
from mmresnet.export.wrappers import Exportable

_TOLERANCE = 1e-3  # of the largest output of a layer
_TRANSPARENT = (nn.Identity, nn.Dropout)


class AllLayers(Exportable):
    """A model that returns the output of each of its layers, in order of computation."""

    def __init__(self, module: Exportable) -> None:
        super().__init__()
        self.module = module
        self.dynamic, self.example = module.dynamic, module.example
        self.through_onnx = module.through_onnx
        self.layers: tuple[str, ...] = ()
        self.layers, _ = self._run(self.example_images())
        self.output_names = tuple(f"layer{number}" for number in range(len(self.layers)))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the layers that are tensors."""
        return self._run(images)[1]

    def _run(self, images: Tensor) -> tuple[tuple[str, ...], tuple[Tensor, ...]]:
        names: list[str] = []
        outputs: list[Tensor] = []

        def noting(name: str) -> Callable[..., None]:
            def note(layer: nn.Module, _: Any, output: Any) -> None:
                if isinstance(output, Tensor):
                    names.append(f"{name} ({type(layer).__name__})")
                    outputs.append(output.clone())  # the next layer may work in place

            return note

        hooks = [
            layer.register_forward_hook(noting(name.removeprefix("model.")))
            for name, layer in self.module.named_modules()
            if name and not isinstance(layer, _TRANSPARENT)
        ]
        try:
            with torch.no_grad():
                self.module(images)
        finally:
            for hook in hooks:
                hook.remove()
        return tuple(names), tuple(outputs)


def first_difference(module: Exportable, target: Target, images: np.ndarray) -> str:
    """Return a sentence that names the first layer whose output differs in the written form.

    The model is written again, with the outputs of all layers.

    Args:
        images: (N, H, W, 3) uint8, on which the outputs differ.
    """
    try:
        return _find(module, target, images)
    except (
        Exception
    ) as error:  # writers raise any; what was found wrong has to be told all the same
        reason = (str(error) or type(error).__name__).strip().splitlines()[0]
        return f"Which layer differs could not be found ({reason})."


def _find(module: Exportable, target: Target, images: np.ndarray) -> str:
    layers = AllLayers(module)
    with tempfile.TemporaryDirectory() as folder:
        target.write(layers, Path(folder))
        theirs = target.load(Path(folder))(images)
    ours = layers(torch.from_numpy(images))
    for name, our, their in zip(layers.layers, ours, theirs, strict=True):
        if our.shape != their.shape:  # as of proposals and detections, of which there may be more
            shapes = f"its output is {_shape(their)}, and not {_shape(our)}"
            return f"The first layer that differs is {name}: {shapes}."
        difference = _difference(our.numpy(), their)
        if not difference <= _TOLERANCE:
            share = f"{difference:.2g} of its largest output"
            return f"The first layer that differs is {name}, by {share}."
    return "No layer differs if the outputs of all are written as well."


def _shape(output: Tensor | np.ndarray) -> str:
    return "×".join(map(str, output.shape))


def _difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference as a part of the largest output."""
    if ours.size == 0:
        return 0.0
    return float(np.abs(ours - theirs).max() / (np.abs(ours).max() or 1))
