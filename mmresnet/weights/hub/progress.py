"""How far a download is, on standard error."""

from __future__ import annotations

import sys
import time


def amount(size: float) -> str:
    """Return a number of bytes for people: ``45.0 MB``, of 1000 × 1000 bytes."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def duration(seconds: float) -> str:
    """Return a time for people: ``5 s``, ``3 min``, ``1 h 20 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class Progress:
    """Tells what is fetched, how much of it has come, and the time left.

    In a terminal one line is rewritten; in a log a new line comes every ten seconds.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._live = sys.stderr.isatty()
        self._start: tuple[float, int] | None = None
        self._next = 0.0
        self._width = 0

    def say(self, text: str) -> None:
        """Print a line."""
        self.close()
        print(f"{self._name}: {text}", file=sys.stderr, flush=True)

    def show(self, have: int, size: int | None) -> None:
        """Tell that ``have`` bytes of ``size`` have come, if the last time is long enough ago."""
        now = time.monotonic()
        if self._start is None:
            self._start = (now, have)
            self._next = now + (0.2 if self._live else 10.0)
        if now < self._next and not (self._live and have == size):
            return
        self._next = now + (0.2 if self._live else 10.0)
        rate = (have - self._start[1]) / max(now - self._start[0], 1e-9)
        line = f"{self._name}: {amount(have)}"
        if size is not None:
            line += f" of {amount(size)}"
        if rate > 0:
            line += f", {amount(rate)}/s"
            if size is not None:
                line += f", {duration((size - have) / rate)} left"
        if self._live:
            print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)
            self._width = len(line)
        else:
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """End the line that was being rewritten."""
        if self._width:
            print(file=sys.stderr, flush=True)
            self._width = 0
