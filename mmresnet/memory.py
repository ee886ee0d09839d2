"""The memory of this process: its peak, and when it is searched for garbage."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_paused = False


def peak_memory() -> float:
    """Return the most memory that this process has held so far, in MB; 0 on Windows.

    On Linux this is the kernel's ``VmHWM``: ``getrusage`` begins with what the process that started
    this one held at that time.
    """
    if sys.platform == "win32":
        return 0.0
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        (line,) = (one for one in lines if one.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


@contextmanager
def without_collection() -> Iterator[None]:
    """Search for no garbage until :func:`collect_again` or the end.

    For where many objects are made that stay, such as imported modules: each search looks at all of
    them, which takes an eighth of the time of a start.
    """
    global _paused
    if not gc.isenabled():
        yield
        return
    gc.disable()
    _paused = True
    try:
        yield
    finally:
        if not _paused:
            gc.unfreeze()
        _paused = False
        gc.enable()


def collect_again() -> None:
    """Search for garbage again, but not among what was made :func:`without_collection`."""
    global _paused
    if _paused:
        _paused = False
        gc.freeze()
        gc.enable()
