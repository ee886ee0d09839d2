"""How much faster a model in 8 bits is, as far as a few seconds tell."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping

import numpy as np

from mmresnet.export.task import Predict

_ROUNDS, _SECONDS = 15, 10.0


def images_per_second(models: Mapping[str, Predict], images: np.ndarray) -> dict[str, float]:
    """Return the median speed of each, called in turn for some seconds.

    Args:
        images: (N, H, W, 3) uint8.
    """
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for predict in models.values():
        predict(images)
    end = time.perf_counter() + _SECONDS
    for number in range(_ROUNDS):
        if number and time.perf_counter() > end:
            break
        for name, predict in models.items():
            begin = time.perf_counter()
            predict(images)
            seconds[name].append(time.perf_counter() - begin)
    return {name: len(images) / statistics.median(taken) for name, taken in seconds.items()}
