"""Which sample of a training is being loaded, for transforms that depend on the epoch.

The loops of :mod:`mmresnet.engine.resume` name it, in the main process and in workers. The epoch
travels with each index, so that nothing has to be sent to workers when an epoch begins, and a
resumed run goes on with the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Sample:
    """A sample of a training.

    Attributes:
        seed: Of the run.
        epoch: The pass over the sampler, from 0; mmengine's ``InfiniteSampler`` ends none.
        index: In the data set.
    """

    seed: int
    epoch: int
    index: int


_current: ContextVar[Sample | None] = ContextVar("sample", default=None)


def current_sample() -> Sample | None:
    """Return the sample that is being loaded.

    None outside of a training, or in a training by another loop than
    ``mmresnet.EpochBasedTrainLoop`` and ``mmresnet.IterBasedTrainLoop``.
    """
    return _current.get()


@contextmanager
def loading() -> Iterator[Callable[[Sample | None], object]]:
    """Yield a function that sets what :func:`current_sample` returns, inside of a ``with``."""
    token = _current.set(None)
    try:
        yield _current.set
    finally:
        _current.reset(token)
