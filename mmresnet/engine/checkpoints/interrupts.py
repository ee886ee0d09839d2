"""SIGTERM and SIGINT in a training, and what its processes agree on at each iteration."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from mmengine.dist import get_world_size
from torch import distributed
from torch.utils.data import DataLoader

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_REPEAT = 1.0  # s; a launcher passes on what the terminal has sent to all processes already


class Interrupts:
    """Notes the first SIGTERM or SIGINT; one that comes a second later acts as it did before.

    Attributes:
        received: The number of the signal, 0 before there is one.
    """

    received: int = 0

    def __init__(self) -> None:
        self._previous: dict[int, Any] = {}
        self._time = 0.0
        self._process = 0
        self._during: FrameType | None = None

    def watch(self, during: Callable[..., Any]) -> None:
        """Begin, where Python lets signals be handled: in the main thread.

        Args:
            during: A function that has called this one. Once it has ended, in whatever way,
                signals act as before.
        """
        if self._previous or threading.current_thread() is not threading.main_thread():
            return
        frame: FrameType | None = sys._getframe()
        while frame is not None and frame.f_code is not during.__code__:
            frame = frame.f_back
        self.received, self._process, self._during = 0, os.getpid(), frame
        self._previous = {number: signal.signal(number, self._note) for number in _SIGNALS}

    def close(self) -> None:
        """Handle signals as before; calling it again does nothing."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous, self._during = {}, None

    def _note(self, number: int, frame: FrameType | None) -> None:
        running = False
        while frame is not None and not running:
            running, frame = frame is self._during, frame.f_back
        if os.getpid() != self._process:  # a fork's; a terminal sends SIGINT to all
            if number == signal.SIGTERM:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
        elif running and not self.received:
            self.received, self._time = number, time.monotonic()
        elif not running or time.monotonic() - self._time > _REPEAT:
            self.close()
            os.kill(os.getpid(), number)


def shield_workers(loader: DataLoader[Any]) -> None:
    """Let the processes of a data loader ignore signals that the training is to handle.

    A terminal and some schedulers signal them as well, but the training needs them to finish its
    iteration. They end when it tells them to, or ends itself.
    """
    loader.worker_init_fn = functools.partial(_shield, loader.worker_init_fn)


def _shield(initialize: Callable[[int], None] | None, worker: int) -> None:
    if hasattr(signal, "sigwaitinfo"):  # else a SIGTERM, by torch's handler, ends the worker
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_heed, args=(os.getppid(),), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if initialize is not None:
        initialize(worker)


def _heed(parent: int) -> None:
    """End this process, as torch does, at a SIGTERM of its parent; ignore those of others."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)


class Agreement:
    """Lets all processes of a run know at the same iteration what one of them wants.

    It sends the same tensors each time, and keeps them as long as the group: before torch 2.8, a
    group holds the GIL while it waits for its threads to end, and one that needs the GIL to release
    the tensor of the last message would wait as well, for ever.
    """

    def __init__(self) -> None:
        self._group: Any = None
        self._wishes: torch.Tensor | None = None
        self._asked: Any = None  # the message under way
        self._of_first = torch.zeros(1, dtype=torch.bool)

    def start(self) -> None:
        """Begin; all processes call this."""
        if get_world_size() > 1:
            # on the CPU, so that no GPU is waited for; its own, so that no gradient is
            self._group = distributed.new_group(backend="gloo")

    def exchange(self, *wishes: int) -> tuple[int, ...]:
        """Return the largest of each wish over all processes, which all call this.

        In several processes these are the wishes of the call before, so that nobody waits.
        """
        if self._group is None:
            return wishes
        agreed = (0,) * len(wishes)
        if self._wishes is None:
            self._wishes = torch.zeros(len(wishes), dtype=torch.int64)
        if self._asked is not None:
            self._asked.wait()
            agreed = tuple(self._wishes.tolist())
        self._wishes.copy_(torch.tensor(wishes))
        self._asked = distributed.all_reduce(
            self._wishes, distributed.ReduceOp.MAX, group=self._group, async_op=True
        )
        return agreed

    def of_first(self, value: bool) -> bool:
        """Return the value that the first process gives; all processes call this."""
        if self._group is None:
            return value
        self._of_first.fill_(value)
        distributed.broadcast(self._of_first, 0, group=self._group)
        return bool(self._of_first)

    def close(self) -> None:
        """End; all processes call this at the same iteration. Calling it again does nothing."""
        if self._asked is not None:
            self._asked.wait()
        if self._group is not None:
            distributed.destroy_process_group(self._group)
        self._group = self._asked = None
