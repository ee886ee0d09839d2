"""Where a process stands in its training, and what its main thread is doing."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

_FRAMES = 6  # of a stack in a message
_WAITING = (  # where a thread stands that waits for other processes
    f"torch{os.sep}distributed{os.sep}",
    f"mmresnet{os.sep}engine{os.sep}checkpoints{os.sep}interrupts.py",
)


class Beat(NamedTuple):
    """What a process says of itself.

    Attributes:
        rank: Its number.
        host: Its machine.
        pid: Its process id.
        at: Where it stands: iteration, stage of it, batch of a validation; ascending in time.
        place: Where it stands, as "in iteration 7, computing".
        brisk: Whether the next event should come soon, as within an iteration.
        still: Seconds since the last event.
        busy: Seconds since then in which it computed, or was kept from it by other programs.
        waits: Whether it waits for other processes.
        stack: The innermost functions of its main thread, "file:line function", innermost first.
        own: Seconds of its own work in training steps so far: loading and computing.
        steps: How many training steps that were.
    """

    rank: int
    host: str
    pid: int
    at: tuple[int, int, int]
    place: str
    brisk: bool
    still: float
    busy: float
    waits: bool
    stack: tuple[str, ...]
    own: float
    steps: int

    @property
    def name(self) -> str:
        """The process, as messages name it."""
        return f"process {self.rank} (on {self.host}, pid {self.pid})"


class Position:
    """Notes the events of a training; the main thread writes, another one reads.

    Args:
        rank: Of this process.
    """

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.own, self.steps = 0.0, 0
        self._main = threading.main_thread().ident
        self._state: tuple[Any, ...] = ()
        self.enter((-1, 0, 0), "at the start", brisk=False)

    def enter(
        self, at: tuple[int, int, int], place: str, brisk: bool = True, waits: bool = False
    ) -> float:
        """Note an event, after which the process stands at ``place``; return the time.

        Args:
            at: As in :class:`Beat`.
            brisk: The next event should come soon.
            waits: What follows is waiting for other processes.
        """
        now = time.monotonic()
        self._state = (at, place, brisk, waits, now, _worked())
        return now

    def beat(self) -> Beat:
        """Return where the process stands now."""
        at, place, brisk, waits, since, worked = self._state
        stack = tuple(stack_of(self._main))
        waits = waits or any(part in line for line in stack for part in _WAITING)
        return Beat(
            self.rank,
            platform.node(),
            os.getpid(),
            at,
            place,
            brisk,
            time.monotonic() - since,
            _worked() - worked,
            waits,
            tuple(_shorten(line) for line in stack),
            self.own,
            self.steps,
        )


def stack_of(thread: int | None) -> list[str]:
    """Return the innermost functions of a thread, "file:line function", innermost first."""
    frame: FrameType | None = sys._current_frames().get(thread) if thread is not None else None
    lines: list[str] = []
    while frame is not None and len(lines) < _FRAMES:
        lines.append(f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return lines


def _shorten(line: str) -> str:
    path, _, rest = line.partition(":")
    return f"{'/'.join(Path(path).parts[-2:])}:{rest}"


def from_json(fields: list[Any]) -> Beat:
    """Return a beat that was sent as a list."""
    named = dict(zip(Beat._fields, fields, strict=True))
    return Beat(**{**named, "at": tuple(named["at"]), "stack": tuple(named["stack"])})


def _worked() -> float:
    """Return the seconds of processor time, and those that the main thread has queued for it."""
    queued = 0
    with contextlib.suppress(OSError, ValueError, IndexError):  # Linux; that of the main thread
        queued = int(Path("/proc/self/schedstat").read_text().split()[1])
    return time.process_time() + queued / 1e9
