"""A training goes on when its log and its curves cannot be written."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from mmengine.logging import print_log
from mmengine.runner import Runner


def outlive_full_disks(runner: Runner) -> None:
    """Let what cannot be added to the log file and the curves be left out, with one warning.

    A line is added whole or not at all.
    """
    for handler in runner.logger.handlers:
        if isinstance(handler, logging.FileHandler):
            _ignore_system_errors(handler)
    for backend in runner.visualizer._vis_backends.values():
        for name in ("add_scalar", "add_scalars"):
            setattr(backend, name, _optional(backend, getattr(backend, name)))


def _ignore_system_errors(handler: logging.FileHandler) -> None:
    report = handler.handleError

    def handle(record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            report(record)

    handler.handleError = handle  # type: ignore[method-assign]


def _optional(backend: Any, add: Callable[..., None]) -> Callable[..., None]:
    warned = False

    @functools.wraps(add)
    def call(*args: Any, **kwargs: Any) -> None:
        nonlocal warned
        path = getattr(backend, "_scalar_save_path", None)  # mmengine's JSON lines
        size = os.path.getsize(path) if path and os.path.exists(path) else 0
        try:
            add(*args, **kwargs)
        except OSError as error:
            if path:
                with contextlib.suppress(OSError):
                    os.truncate(path, size)
            if not warned:
                warned = True
                reason = error.strerror or error
                text = f"The curves cannot be written ({reason}) and will have gaps."
                print_log(text, "current", logging.WARNING)

    return call
