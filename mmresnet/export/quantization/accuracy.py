"""The accuracy of a model in 8 bits while it is made, and what is told of it meanwhile."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from mmresnet.export.samples import Samples
from mmresnet.export.task import Predict, Task

RANKED_ON = {"classifier": 300, "detector": 32}
"""Images on which the layers are ranked: each layer in turn, with all others in 8 bits."""


class Accuracy:
    """A function of a model and the numbers of samples, as NNCF calls it.

    It is called on one sample, from whose result NNCF sees what kind of figures it returns. Then it
    is called with the model in float32 and in 8 bits, both on all samples; if 8 bits cost too much,
    once for each layer on the first ``RANKED_ON`` samples, and then on all of them whenever a layer
    has returned to float32. What is measured on all of them is told on stderr.

    Args:
        models: How models of the format are run.
        layers: The number of layers that can be in 8 bits.
        max_drop: The points that these may cost.
    """

    def __init__(
        self, task: Task, models: ModuleType, samples: Samples, layers: int, max_drop: float
    ) -> None:
        self.task, self.models, self.samples = task, models, samples
        self.layers, self.max_drop = layers, max_drop
        self.found: list[float] = []
        self._is_first = True

    def __call__(self, prepared: Any, numbers: Sequence[int]) -> tuple[float, list[float]]:
        """Return top-1 or AP in percent, and the same for each of the samples.

        There is no figure per sample, since AP has none: NNCF ranks the layers on the first ones.
        """
        chosen = list(numbers)
        start = time.perf_counter()
        accuracy = self.measure(self.models.prepared(prepared), chosen)
        assert accuracy is not None
        ranking = len(self.found) >= 2 and len(chosen) <= RANKED_ON[self.task.kind]
        if not (self._is_first or ranking):
            self.found.append(accuracy)
            self._tell((time.perf_counter() - start) / len(chosen))
        self._is_first = False
        return accuracy, [accuracy] * len(chosen)

    def measure(self, predict: Predict, numbers: Sequence[int]) -> float | None:
        """Return top-1 or AP on some samples; None where the truth is unknown."""
        samples = Samples(
            self.samples.source,
            [self.samples.images[number] for number in numbers],
            [self.samples.paths[number] for number in numbers],
            [self.samples.data[number] for number in numbers],
        )
        return self.task.accuracy(predict, samples)

    def _tell(self, seconds: float) -> None:
        number = len(self.samples.images)
        name = "AP" if self.task.kind == "detector" else "top-1"
        text = f"{name} {self.found[-1]:.2f} %"
        if len(self.found) == 1:
            text += f" in float32, {number} images in {seconds * number:.0f} s"
        elif len(self.found) == 2:
            text += " in 8 bits"
            if self.found[0] - self.found[1] > self.max_drop:
                ranked = min(number, RANKED_ON[self.task.kind])
                text += (
                    f", more than {self.max_drop:g} points less; each layer is tried in float32, "
                    f"up to {seconds * ranked * self.layers:.0f} s"
                )
        else:
            text += f" after step {len(self.found) - 2} of returning layers to float32"
        print(f"int8: {text}", file=sys.stderr, flush=True)
