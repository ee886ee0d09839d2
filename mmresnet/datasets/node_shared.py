"""Work that is done once on each machine, and arrays that its processes share."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import all_gather_object, get_rank, get_world_size

from mmresnet.errors import UserError

Shareable = tuple[list[np.ndarray], Any]
"""Arrays, which are shared, and a small object, which is copied to each process."""


def once_per_node(make: Callable[[], Shareable]) -> Shareable:
    """Return what ``make`` returns, called by one process on each machine.

    All processes of the run must call this. The arrays are in files that every process of the
    machine maps read-only, so that they take memory once: those which ``make`` has mapped in the
    files that they are mapped from, the others in files that are unlinked when this returns, and
    whose memory is freed with the last process.

    Raises:
        UserError: ``make`` failed in another process, with its message; the process that called it
            raises the original exception.
    """
    if get_world_size() == 1:
        return make()
    nodes = all_gather_object(_node())
    leader = nodes.index(_node())
    folder, files, state, failure = None, None, None, None
    if get_rank() == leader:
        try:
            arrays, state = make()
            folder, files = _write(arrays)
            del arrays
        except Exception as error:  # sent to the other processes, which are waiting
            failure = error
    gathered = all_gather_object((files, state, None if failure is None else str(failure)))
    try:
        if failure is not None:
            raise failure
        if message := next((message for *_, message in gathered if message is not None), None):
            raise UserError(message)
        files, state, _ = gathered[leader]
        arrays = [place if isinstance(place, np.ndarray) else _map(*place) for place in files]
        all_gather_object(None)  # wait until every process has opened the files
    finally:
        if get_rank() == leader and folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
    return arrays, state


def _node() -> tuple[str, int, int]:
    """Identify the machine, more precisely its folder for temporary files."""
    folder = os.stat(tempfile.gettempdir())
    return socket.gethostname(), folder.st_dev, folder.st_ino


_Place = tuple[str, dict[str, Any]]
"""A file, and type, offset and shape of an array in it."""


def _map(path: str, where: dict[str, Any]) -> np.ndarray:
    return np.memmap(path, mode="r", **where).view(np.ndarray)


def _write(arrays: list[np.ndarray]) -> tuple[str, list[_Place | np.ndarray]]:
    """Write arrays that are not mapped to a new folder; return it, and where each array is.

    One without elements stands for itself: it cannot be mapped.
    """
    folder = tempfile.mkdtemp(prefix="mmresnet-")
    places: list[_Place | np.ndarray] = []
    try:
        for index, array in enumerate(arrays):
            place = _mapped_from(array)
            if place is None and array.size:
                path = Path(folder) / f"{index:04d}.npy"
                np.save(path, array)
                place = _mapped_from(np.load(path, mmap_mode="r"))
            places.append(place or array)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError(
            f"The annotations could not be written to '{folder}' for the other processes "
            f"({error}): set TMPDIR to a folder with more space."
        ) from error
    return folder, places


def _mapped_from(array: np.ndarray) -> _Place | None:
    """Return where an array that is mapped from a file is in it, or None if it is in memory."""
    base: Any = array
    while isinstance(base, np.ndarray) and isinstance(base.base, np.ndarray):
        base = base.base
    if not isinstance(base, np.memmap) or not array.flags.c_contiguous or not array.size:
        return None
    offset = base.offset + array.ctypes.data - base.ctypes.data
    return str(base.filename), {"dtype": array.dtype, "offset": offset, "shape": array.shape}
