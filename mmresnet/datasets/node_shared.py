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
    machine maps read-only, so that they take memory once; the files are unlinked when this returns,
    and their memory is freed with the last process.

    Raises:
        UserError: ``make`` failed in another process, with its message; the process that called it
            raises the original exception.
    """
    if get_world_size() == 1:
        return make()
    nodes = all_gather_object(_node())
    leader = nodes.index(_node())
    folder, state, failure = None, None, None
    if get_rank() == leader:
        try:
            arrays, state = make()
            folder = _write(arrays)
            del arrays
        except Exception as error:  # sent to the other processes, which are waiting
            failure = error
    gathered = all_gather_object((folder, state, None if failure is None else str(failure)))
    try:
        if failure is not None:
            raise failure
        if message := next((message for *_, message in gathered if message is not None), None):
            raise UserError(message)
        folder, state, _ = gathered[leader]
        files = sorted(Path(folder).iterdir())
        arrays = [np.load(file, mmap_mode="r").view(np.ndarray) for file in files]
        all_gather_object(None)  # wait until every process has opened the files
    finally:
        if get_rank() == leader and folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
    return arrays, state


def _node() -> tuple[str, int, int]:
    """Identify the machine, more precisely its folder for temporary files."""
    folder = os.stat(tempfile.gettempdir())
    return socket.gethostname(), folder.st_dev, folder.st_ino


def _write(arrays: list[np.ndarray]) -> str:
    folder = tempfile.mkdtemp(prefix="mmresnet-")
    try:
        for index, array in enumerate(arrays):
            np.save(Path(folder) / f"{index:04d}.npy", array)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError(
            f"The annotations could not be written to '{folder}' for the other processes "
            f"({error}): set TMPDIR to a folder with more space."
        ) from error
    return folder
