"""Random numbers drawn without changing those that follow."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def fork_rng(seed: int) -> Iterator[None]:
    """Draw random numbers from ``seed`` inside, and restore the generators' states afterwards.

    As ``torch.random.fork_rng`` does for torch's generators on the CPU and the current GPU; here
    for Python's and NumPy's as well.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)
