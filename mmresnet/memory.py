"""How much memory this process has held."""

from __future__ import annotations

import sys
from pathlib import Path


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
