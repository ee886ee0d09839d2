"""Which operators of a training on a GPU are not exact: they may add in another order each time."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.runner import Runner

_WARNING = re.compile(r"(?P<name>\S+) does not have a deterministic implementation")
_OF_SETTINGS = "CUBLAS_WORKSPACE_CONFIG"  # in a warning that a matrix product may be inexact


@contextmanager
def inexact_operators() -> Iterator[list[str]]:
    """Yield a list that has, afterwards, the operators used inside that have no exact variant.

    Operators that have one use it inside. Other warnings are passed on.
    """
    names: list[str] = []
    before = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield names
    finally:
        torch.use_deterministic_algorithms(before, warn_only=only_warned)
    for warning in caught:
        found = _WARNING.search(str(warning.message))
        if found is None and _OF_SETTINGS not in str(warning.message):
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
        elif found is not None and found["name"] not in names:
            names.append(found["name"])


@contextmanager
def noted_inexact_operators(runner: Runner) -> Iterator[None]:
    """Log which operators of the first iteration of a run on a GPU are not exact."""
    if runner.iter > 0 or runner.deterministic or not next(runner.model.parameters()).is_cuda:
        yield
        return
    with inexact_operators() as names:
        yield
    if names:
        runner.logger.info(
            "Two runs of this training differ in rounding on this GPU, since these operators add "
            f"in another order each time and have no exact variant: {', '.join(names)}. Others "
            "are exact with randomness.deterministic=True, with which these raise an error."
        )
    else:
        runner.logger.info(
            "All operators of this training are exact on this GPU with "
            "randomness.deterministic=True: then two runs end alike, bit for bit."
        )
