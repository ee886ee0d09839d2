"""What the CPU is, and what it computes in."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_NATIVE_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")  # as Linux names features


def features() -> set[str]:
    """Return the features of the CPU, as Linux lists them; none on other systems."""
    return {feature for key in ("flags", "Features") for feature in _information(key).split()}


def native_bfloat16() -> list[str]:
    """Return the features with which the CPU computes in bfloat16."""
    there = features()
    return [feature for feature in _NATIVE_BFLOAT16 if feature in there]


def describe() -> str:
    """Return the name of the CPU, its features for bfloat16, and the number of CPUs."""
    name = _information("model name") or platform.processor() or platform.machine()
    native = native_bfloat16()
    extra = f" ({', '.join(native)})" if native else ""
    return f"{name}{extra}, {os.cpu_count()} CPUs"


def _information(key: str) -> str:
    """Return an entry of the first CPU in /proc/cpuinfo; empty if there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    entries = (line.partition(":") for line in lines)
    return next((text.strip() for name, _, text in entries if name.strip() == key), "")
