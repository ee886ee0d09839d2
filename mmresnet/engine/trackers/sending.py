"""What a tracker cannot send is kept, and sent later."""

from __future__ import annotations

import functools
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from mmengine.logging import print_log
from mmengine.visualization import Visualizer

PAUSE = 300  # seconds until what could not be sent is tried again
_LOCAL = ("LocalVisBackend", "TensorboardVisBackend")  # they write files of the work directory
_SENDING = ("add_config", "add_graph", "add_image", "add_scalar", "add_scalars", "add_history")


def outlive_failures(visualizer: Visualizer) -> None:
    """Let trackers keep what they cannot send, and try again later, with a warning."""
    for backend in visualizer._vis_backends.values():
        if type(backend).__name__ not in _LOCAL:
            _Sender(backend)


class _Sender:
    """Calls a tracker's methods in their order, from the first that failed on.

    Args:
        backend: Whose methods are replaced.
    """

    def __init__(self, backend: Any) -> None:
        self._name = type(backend).__name__.removesuffix("VisBackend")
        self._waiting: deque[Callable[[], object]] = deque()
        self._next_try = 0.0
        self._close = backend.close
        for name in _SENDING:
            if hasattr(backend, name):
                setattr(backend, name, self._sending(getattr(backend, name)))
        backend.close = self.close

    def _sending(self, method: Callable[..., object]) -> Callable[..., None]:
        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> None:
            self._waiting.append(functools.partial(method, *args, **kwargs))
            if time.monotonic() >= self._next_try:
                self._send()

        return call

    def _send(self) -> None:
        try:
            while self._waiting:
                self._waiting[0]()
                self._waiting.popleft()
        except Exception as error:  # of any package; a training matters more than its tracker
            self._next_try = time.monotonic() + PAUSE
            self._warn(error, f"It is tried again every {PAUSE // 60} minutes.")

    def close(self) -> None:
        """Try once more to send what has been kept, and end the tracker's run."""
        try:
            while self._waiting:
                self._waiting[0]()
                self._waiting.popleft()
            self._close()
        except Exception as error:
            self._warn(error, f"It has not got the last {len(self._waiting):,} messages.")

    def _warn(self, error: Exception, consequence: str) -> None:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        text = f"{self._name} cannot record this run now ({reason[:160]}). {consequence} "
        text += "The curves are in vis_data/scalars.json all the same."
        print_log(text, "current", logging.WARNING)
