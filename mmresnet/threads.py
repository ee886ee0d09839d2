"""Threads beside the one that computes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

_BEGINNING = threading.Lock()


def serial_executor(threads: int, name: str = "") -> ThreadPoolExecutor:
    """Return an executor in whose threads each operator of torch runs in that thread alone.

    By default each thread that calls a parallel operator, be it a copy of a large tensor, gets
    OpenMP threads of its own, which stay. From then on there are more of them than CPUs, and GNU's
    OpenMP lets none wait for work actively any more: the main thread has to wake its own for each
    operator. A training step of ResNet-20 on two CPUs then takes twice as long.
    """
    return ThreadPoolExecutor(threads, name, initializer=_run_serially)


def _run_serially() -> None:
    import torch

    with _BEGINNING:  # one that begins meanwhile would read 1 as the number for all
        number = torch.get_num_threads()
        torch.set_num_threads(1)  # of this thread, but also of all that begin later
        restore = threading.Thread(target=torch.set_num_threads, args=(number,))
        restore.start()
        restore.join()
