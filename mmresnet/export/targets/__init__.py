"""Formats that a model is written in, each with the runtime that runs it."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mmresnet.errors import MissingPackageError, UserValueError, did_you_mean
from mmresnet.export.quiet import quiet

if TYPE_CHECKING:
    import numpy as np

    from mmresnet.export.wrappers import Exportable


@dataclass(frozen=True)
class Target:
    """A format.

    Attributes:
        name: As in ``--to onnx``.
        title: Its name in messages.
        file: The name of the file in an exported folder; OpenVINO's weights are beside it.
        packages: What writing and running needs beside PyTorch.
        runtime: What running it needs beside numpy and opencv-python, as pip calls it.
    """

    name: str
    title: str
    file: str
    packages: tuple[str, ...]
    runtime: tuple[str, ...]

    @property
    def module(self) -> ModuleType:
        """The module with ``write`` and ``load``, of which the latter is copied into run.py."""
        name = "torch_export" if self.name == "torch" else self.name
        return importlib.import_module(f"{__name__}.{name}")

    def write(self, module: Exportable, folder: Path) -> dict[str, Any]:
        """Write a model into a folder, and return what the report says of it."""
        with quiet():
            written: dict[str, Any] = self.module.write(module, folder)
        return written

    def load(self, folder: Path) -> Callable[[np.ndarray], list[np.ndarray]]:
        """Return a function that runs the file in a folder: images to outputs."""
        predict: Callable[[np.ndarray], list[np.ndarray]] = self.module.load(folder)
        return predict

    def versions(self) -> dict[str, str]:
        """Return the versions of what writes and runs it."""
        names = ("torch", *self.packages)
        return {name: importlib.metadata.version(name) for name in names}

    def check_installed(self, purpose: str = "") -> None:
        """Check that a model can be written and verified here.

        Args:
            purpose: What needs it, where it is not ``--to`` with the format's name.

        Raises:
            MissingPackageError: A package is missing.
        """
        missing = [name for name in self.packages if importlib.util.find_spec(name) is None]
        if missing:
            raise MissingPackageError(
                f"{purpose or f'--to {self.name}'} needs {' and '.join(missing)}, which "
                f"{'are' if missing[1:] else 'is'} not installed: "
                f"pip install {' '.join(missing)}, or 'mmresnet[export]' for all formats."
            )
        if self.name == "aoti":
            self.module.check_compiler()


TARGETS = {
    target.name: target
    for target in (
        Target(
            "onnx", "ONNX", "model.onnx", ("onnx", "onnxscript", "onnxruntime"), ("onnxruntime",)
        ),
        Target("torch", "PyTorch (torch.export)", "model.pt2", (), ("torch", "torchvision")),
        Target("aoti", "PyTorch (AOTInductor)", "model.pt2", (), ("torch", "torchvision")),
        Target("openvino", "OpenVINO", "model.xml", ("openvino",), ("openvino",)),
    )
}


def find_target(name: str) -> Target:
    """Return a format by its name.

    Raises:
        UserValueError: There is none of that name.
        MissingPackageError: What it needs is not installed.
    """
    if name not in TARGETS:
        raise UserValueError(
            f"--to takes {', '.join(TARGETS)}, not '{name}'.{did_you_mean(name, TARGETS)}"
        )
    TARGETS[name].check_installed()
    return TARGETS[name]
