"""Memory that runs out: an allocation that fails, and a process that the kernel kills for it."""

from __future__ import annotations

import platform
import re
from pathlib import Path

# torch's allocators for the CPU and for GPUs, by the text of their errors
_FAILED = re.compile(
    r"DefaultCPUAllocator: (?:can't|not enough memory)|CUDA out of memory|"
    r"out of memory\.? Tried to allocate|Cannot allocate memory"
)
_COUNTERS = (  # of processes that were killed: in this container (cgroup v2, v1), on this machine
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
    "/proc/vmstat",
)


def explain_memory(error: BaseException) -> str | None:
    """Return the message for an allocation that failed, or None for another error."""
    text = str(error)
    if not isinstance(error, MemoryError) and not _FAILED.search(text):
        return None
    asked = re.search(r"allocate ([\d.]+ ?[KMGT]i?B|\d+ bytes)", text)
    amount = f" when it asked for {asked[1]}" if asked else ""
    kind = "GPU memory" if "CUDA" in text else "memory"
    return (
        f"A process on {platform.node()} ran out of {kind}{amount}. Use a smaller batch_size, with "
        "optim_wrapper.accumulative_counts=2 for as many images per update, --amp, smaller images, "
        "or fewer workers."
    )


def killed_for_memory() -> int | None:
    """Return how many processes the kernel has killed here since memory ran out, or None.

    It counts on Linux. The sum of counters only serves to see it change.
    """
    found = []
    for path in _COUNTERS:
        try:
            text = Path(path).read_text()
        except OSError:
            continue
        found += [int(number) for number in re.findall(r"^oom_kill (\d+)$", text, re.MULTILINE)]
    return sum(found) if found else None
