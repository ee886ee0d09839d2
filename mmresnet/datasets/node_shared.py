"""Work that the processes of one machine do once, and whose arrays they then share."""

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

Made = tuple[list[np.ndarray], Any]


def once_per_node(make: Callable[[], Made]) -> Made:
    """Return what ``make`` returns, called by one process on each machine.

    All processes of the run call this together. The arrays lie in a file that every process of
    the machine maps read-only, so that they take their room once; the file has no name any more
    when this returns, and vanishes with the last process. What else ``make`` returns is copied
    to each process, and should be small.

    Raises:
        UserError: ``make`` failed in another process, with its sentence; in the process that
            called it, its own exception is raised.
    """
    if get_world_size() == 1:
        return make()
    places = all_gather_object(_place())
    leader = places.index(_place())
    folder, state, failure = None, None, None
    if get_rank() == leader:
        try:
            arrays, state = make()
            folder = _write(arrays)
            del arrays
        except Exception as error:  # the others wait for an answer, whatever happened
            failure = error
    told = all_gather_object((folder, state, None if failure is None else str(failure)))
    try:
        if failure is not None:
            raise failure
        if sentence := next((said for _, _, said in told if said is not None), None):
            raise UserError(sentence)
        folder, state = told[leader][:2]
        files = sorted(Path(folder).iterdir())
        arrays = [np.load(file, mmap_mode="r").view(np.ndarray) for file in files]
        all_gather_object(None)  # until here, somebody may not have opened the files yet
    finally:
        if get_rank() == leader and folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
    return arrays, state


def _place() -> tuple:
    """Return what processes have in common that see the same folder for temporary files."""
    found = os.stat(tempfile.gettempdir())
    return socket.gethostname(), found.st_dev, found.st_ino


def _write(arrays: list[np.ndarray]) -> str:
    folder = tempfile.mkdtemp(prefix="mmresnet-")
    try:
        for index, array in enumerate(arrays):
            np.save(Path(folder) / f"{index:04d}.npy", array)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError(
            f"The annotations could not be written to '{folder}' for the other processes "
            f"({error}): set TMPDIR to a folder with more room."
        ) from error
    return folder
