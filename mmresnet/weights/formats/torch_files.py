"""Files of torch.save, read by torch without running code."""

from __future__ import annotations

import errno
import functools
import os
import pickle
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import torch

from mmresnet.weights.formats.detect import AGAIN, UNNEEDED, FormatError, shorten


def load_values(
    file: str | os.PathLike[str] | IO[bytes],
    map_location: torch.serialization.MAP_LOCATION = None,
) -> Any:
    """Return what ``torch.load`` reads with ``weights_only``, NumPy arrays included.

    Raises:
        FormatError: The file is cut off, or holds something else.
    """
    torch.serialization.add_safe_globals(_numpy_types())
    with explain_errors():
        return torch.load(file, map_location=map_location, weights_only=True)


def allow_history_buffer() -> None:
    """Let ``torch.load`` read mmengine's ``HistoryBuffer``, which is in all its checkpoints."""
    torch.serialization.add_safe_globals(_numpy_types() + _history_types())


@contextmanager
def explain_errors() -> Iterator[None]:
    """Raise a :class:`FormatError` for what ``torch.load`` raises because of a bad file."""
    try:
        yield
    except (MemoryError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:  # a broken file trips torch's reader in many ways
        reason = str(error) or type(error).__name__
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # no permission, no connection, …; a file that is cut off gives EINVAL
        if "deserialize object on" in reason:
            raise  # saved on a device that is not here; torch says what to do
        raise _explain(error, reason) from error


def _explain(error: Exception, reason: str) -> FormatError:
    refused = re.search(r"GLOBAL (\S+)", reason)
    if refused:
        return FormatError(f"holds '{shorten(refused[1], 200)}', {UNNEEDED}.")
    detail = (reason.partition("WeightsUnpickler error:")[2] or reason).strip()
    detail = shorten(detail.splitlines()[0], 200).rstrip(".")
    if isinstance(error, pickle.UnpicklingError):
        return FormatError(
            f"is not a checkpoint of plain values; nothing in it was run ({detail})."
        )
    return FormatError(f"is cut off or damaged, or not a checkpoint ({detail}): {AGAIN}.")


@functools.cache
def _numpy_types() -> list[Any]:
    """Arrays, scalars and empty bytes; NumPy's functions by their names in NumPy 1 and 2."""
    core = np._core if hasattr(np, "_core") else np.core
    functions = [
        (getattr(core.multiarray, name), f"numpy.{module}.multiarray.{name}")
        for module in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    ]
    empty_bytes = (lambda: b"", "builtins.bytes")  # other bytes are encoded
    dtypes = {type(np.dtype(code)) for code in [*"?bBhHiIlLqQefdFD", "U1", "S1"]}
    return [np.ndarray, np.dtype, *dtypes, *functions, empty_bytes]


@functools.cache
def _history_types() -> list[Any]:
    """``HistoryBuffer``, and ``getattr``, by which it names its own methods, and no others."""
    from mmengine.logging import HistoryBuffer

    def get_statistic(owner: object, name: str) -> Callable[..., Any]:
        if owner is not HistoryBuffer or name not in ("min", "max", "mean", "current"):
            raise pickle.UnpicklingError("GLOBAL builtins.getattr was not an allowed global")
        return getattr(HistoryBuffer, name)

    return [HistoryBuffer, (get_statistic, "builtins.getattr")]
