"""Files of torch.save, read by torch without running code."""

from __future__ import annotations

import errno
import functools
import os
import pickle
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from mmresnet.errors import UserFileNotFoundError
from mmresnet.weights.formats.detect import AGAIN, FormatError, reported_for, shorten
from mmresnet.weights.formats.pickle_reader import TRUST


def allow_checkpoint_types(of_mmengine: bool) -> None:
    """Let ``torch.load(weights_only=True)`` read NumPy arrays, and mmengine's training history."""
    torch.serialization.add_safe_globals(_numpy_types())
    if of_mmengine:
        torch.serialization.add_safe_globals(_history_types())


def load_checkpoint_file(file: object, map_location: object = None) -> dict:
    """Read a checkpoint, given by path or as an open file, without executing what it holds.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: The file is cut off, is not a checkpoint, or holds more than plain values.
    """
    is_path = isinstance(file, (str, os.PathLike))
    if is_path and not os.path.isfile(file := os.path.expanduser(file)):
        raise UserFileNotFoundError(f"There is no checkpoint {file}.")
    with reported_for(str(file) if is_path else "The checkpoint"):
        return load_values(file, map_location)


def load_values(file: object, map_location: object = None) -> Any:
    """Return ``torch.load(file, weights_only=True)``; raise FormatError if the file is to blame."""
    with explain_errors():
        return torch.load(file, map_location=map_location, weights_only=True)


@contextmanager
def explain_errors() -> Iterator[None]:
    """Raise a :class:`FormatError` for what torch raises because of a bad file."""
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
        raise FormatError(_explain(error, reason)) from error


def _explain(error: Exception, reason: str) -> str:
    refused = re.search(r"GLOBAL (\S+)", reason)
    if refused:
        return f"holds '{shorten(refused[1], 200)}', which weights do not need; {TRUST}."
    detail = (reason.partition("WeightsUnpickler error:")[2] or reason).strip()
    detail = shorten(detail.splitlines()[0], 200).rstrip(".")
    if isinstance(error, pickle.UnpicklingError):
        return f"is not a checkpoint of tensors and plain values; nothing in it was run ({detail})."
    return f"cannot be read: it is cut off or damaged, or not a checkpoint ({detail}): {AGAIN}."


@functools.cache
def _numpy_types() -> list:
    """Arrays, and scalars as mmengine's best scores are.

    Both names of NumPy's module (1.x and 2.x) are allowed, since a checkpoint has that of the
    machine that wrote it.
    """
    import numpy as np

    core = np._core if hasattr(np, "_core") else np.core
    functions = (core.multiarray._reconstruct, core.multiarray.scalar)
    dtypes = [np.dtype(code) for code in [*"?bBhHiIlLqQefdFD", "U1", "S1"]]
    return [
        np.ndarray,
        np.dtype,
        *dict.fromkeys(type(dtype) for dtype in dtypes),
        *(
            _known_as(f"numpy.{module}.multiarray.{function.__name__}", function)
            for module in ("core", "_core")
            for function in functions
        ),
        _known_as("_codecs.encode", _encode_latin1),  # on torch's own list since 2.5
    ]


@functools.cache
def _history_types() -> list:
    """mmengine's ``HistoryBuffer``, which names its own methods by ``getattr``."""
    from mmengine.logging import HistoryBuffer

    def get_statistic(owner: object, name: str) -> Callable:
        if owner is not HistoryBuffer or name not in ("min", "max", "mean", "current"):
            raise pickle.UnpicklingError("GLOBAL builtins.getattr was not an allowed global")
        return getattr(HistoryBuffer, name)

    modules = ("builtins", "__builtin__")
    return [HistoryBuffer, *(_known_as(f"{module}.getattr", get_statistic) for module in modules)]


def _known_as(path: str, function: Callable) -> Callable:
    """Wrap ``function`` so that torch finds it by ``path`` (before 2.6 it takes no pairs)."""

    def known(*args: object) -> object:
        return function(*args)

    known.__module__, _, known.__name__ = path.rpartition(".")
    known.__qualname__ = known.__name__
    return known


def _encode_latin1(text: str, _: str = "latin1") -> bytes:
    """Stand in for ``_codecs.encode``, by which a pickle of protocol 2 writes bytes."""
    return text.encode("latin1")
