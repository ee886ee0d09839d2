"""Checkpoints load without running code, also mmengine's own."""

import errno
import functools
import inspect
import os
import pickle
import re
from collections.abc import Callable

from mmresnet.errors import UserError, UserFileNotFoundError


def harmless_types() -> list:
    """What mmengine's checkpoints hold beside tensors: values, and nothing that can act.

    Both spellings of numpy's module (1.x and 2.x) are given, since a checkpoint carries the one
    of the machine that wrote it.
    """
    import numpy as np
    from mmengine.logging import HistoryBuffer

    core = np._core if hasattr(np, "_core") else np.core
    rebuild, scalar = core.multiarray._reconstruct, core.multiarray.scalar
    kinds = [np.dtype(kind) for kind in [*"?bBhHiIlLqQefdFD", "U1", "S1"]]
    return [
        HistoryBuffer,
        np.ndarray,
        np.dtype,
        *dict.fromkeys(type(kind) for kind in kinds),
        *(_known_as(f"{module}._reconstruct", rebuild) for module in _NUMPY_CORES),
        *(_known_as(f"{module}.scalar", scalar) for module in _NUMPY_CORES),
        _known_as("builtins.getattr", _statistic_of_history),
        _known_as("__builtin__.getattr", _statistic_of_history),
        _known_as("_codecs.encode", _bytes_from_latin1),  # torch's own list has it since 2.5
    ]


_NUMPY_CORES = ("numpy.core.multiarray", "numpy._core.multiarray")


def _known_as(path: str, function: Callable) -> Callable:
    """Wrap ``function`` so that torch finds it by ``path`` (before 2.6 it takes no pairs)."""

    def known(*args: object) -> object:
        return function(*args)

    known.__module__, _, known.__name__ = path.rpartition(".")
    known.__qualname__ = known.__name__
    return known


def _statistic_of_history(owner: object, name: str) -> Callable:
    """Stand in for ``getattr``, by which a pickle names the methods of HistoryBuffer, and no more.

    Raises:
        pickle.UnpicklingError: Something other than a statistic of HistoryBuffer is asked for.
    """
    from mmengine.logging import HistoryBuffer

    if owner is not HistoryBuffer or name not in ("min", "max", "mean", "current"):
        raise pickle.UnpicklingError("GLOBAL builtins.getattr was not an allowed global")
    return getattr(HistoryBuffer, name)


def _bytes_from_latin1(text: str, _: str = "latin1") -> bytes:
    """Stand in for ``_codecs.encode``, by which a pickle of protocol 2 spells bytes."""
    return text.encode("latin1")


def load_checkpoint_file(file: object, map_location: object = None) -> dict:
    """Read a checkpoint, given by path or as an open file, without executing what it holds.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: The file is cut off, is no checkpoint, or holds something other than values.
    """
    import torch

    is_path = isinstance(file, (str, os.PathLike))
    if is_path and not os.path.isfile(file := os.path.expanduser(file)):
        raise UserFileNotFoundError(f"There is no checkpoint {file}.")
    return _read(
        str(file) if is_path else "The checkpoint",
        lambda: torch.load(file, map_location=map_location, weights_only=True),
    )


def _read(source: str, read: Callable[[], dict]) -> dict:
    """Call ``read``; where the file is to blame, say in a sentence for what."""
    import torch

    try:
        return read()
    except (MemoryError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:  # a broken file trips torch's reader in many ways
        reason = str(error) or type(error).__name__
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # no permission, no connection, …; a file that is cut off gives EINVAL
        if "deserialize object on" in reason:
            raise  # saved on a device that is not here; torch says what to do
        raise UserError(_sentence(source, error, reason)) from error


def _sentence(source: str, error: Exception, reason: str) -> str:
    found = re.search(r"GLOBAL (\S+)", reason)
    if found:
        return (
            f"{source} holds '{found[1]}', which a checkpoint has no need of; nothing in it was "
            "run. If you trust its author, have it saved again as a state dict of tensors alone."
        )
    if isinstance(error, pickle.UnpicklingError):
        detail = (reason.partition("WeightsUnpickler error:")[2] or reason).strip()
        first = detail.splitlines()[0].rstrip(".")
        return (
            f"{source} is no checkpoint of tensors and plain values; nothing in it was run "
            f"({first})."
        )
    return (
        f"{source} cannot be read as a checkpoint: it is cut off, or no checkpoint at all "
        f"({reason.splitlines()[0].rstrip('.')}). Fetch or write it again."
    )


class _TorchLoadingValues:
    """The module torch as mmengine's checkpoint reader sees it: its ``load`` never runs code."""

    def __getattr__(self, name: str) -> object:
        import torch

        return getattr(torch, name)

    @staticmethod
    def load(file: object, map_location: object = None, **_: object) -> dict:
        return load_checkpoint_file(file, map_location)


def reads_only_values() -> bool:
    from mmengine.runner import checkpoint

    source = inspect.getsource(checkpoint)
    return "weights_only=True" in source and "weights_only=False" not in source


def mend_loading() -> None:
    import torch
    from mmengine.runner import checkpoint

    torch.serialization.add_safe_globals(harmless_types())
    checkpoint.torch = _TorchLoadingValues()
    if hasattr(checkpoint, "_safe_torch_load"):  # the fork's takes our types back after its turn
        checkpoint._safe_torch_load = _TorchLoadingValues.load
    upstream_load_url = checkpoint.load_url  # torch.hub's, which runs what it fetches

    @functools.wraps(upstream_load_url)
    def load_url(url: str, *args: object, **kwargs: object) -> object:
        kwargs["weights_only"] = True
        return _read(url, lambda: upstream_load_url(url, *args, **kwargs))

    checkpoint.load_url = load_url
