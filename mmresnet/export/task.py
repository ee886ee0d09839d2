"""What a kind of model, a classifier or a detector, gives to be exported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mmresnet.export.parity import Parity, Tolerance
from mmresnet.export.preparation import Preparation
from mmresnet.export.samples import Samples
from mmresnet.export.wrappers import Exportable

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import nn

Predict = Callable[[np.ndarray], Sequence[np.ndarray]]
"""Images (N, H, W, 3) uint8 to the outputs of a model."""


class Task(Protocol):
    """A model and how to export, run and compare it.

    Attributes:
        kind: "classifier" or "detector".
        purpose: What run.py does: "Classify images".
        main: The source of run.py's ``main(paths)``, which calls ``prepare`` and ``load``.
        preparation: How a file becomes an image for it.
        classes: The names of the classes.
        notes: Of the model, for the report.
    """

    kind: str
    purpose: str
    main: str
    preparation: Preparation
    classes: list[str]
    notes: dict[str, Any]

    @property
    def module(self) -> Exportable:
        """What is written."""

    def __init__(self, cfg: Config, checkpoint: dict[str, Any], model: nn.Module) -> None: ...

    def verify(
        self,
        predict: Predict,
        samples: Samples,
        shape: Sequence[int | None],
        tolerance: Tolerance,
    ) -> Parity:
        """Compare a written file with the model.

        Args:
            shape: Of the file's input; None is a dimension that may vary.
        """
        ...

    def accuracy(self, predict: Predict, samples: Samples) -> float | None:
        """Return top-1 or COCO's AP of a written file in percent; None without true labels."""
        ...
