"""A thread in each process that says where it stands, and ends it if another one hangs."""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import platform
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import broadcast_object_list, get_dist_info
from torch import distributed as torch_distributed

from mmresnet.engine.nodes.judgement import judge, slow
from mmresnet.engine.nodes.position import Beat, Position, from_json

distributed: Any = torch_distributed  # which does not declare what it exports
INTERVAL = 5.0  # s
_COMPARED = 30.0  # s, between comparisons of the processes' speed
_VERDICT = "verdict"


class Heartbeats:
    """Sends this process's beats to the first one, which judges and tells all.

    They travel by a store of its own, which the first process serves from a thread without
    Python's lock: it answers, whatever this process does.

    Args:
        position: Of this process.
        folder: For what is written of a process when a training is ended: the stacks of its
            threads, and the collective operations that torch's flight recorder holds.
        timeout: As :func:`mmresnet.engine.nodes.judgement.judge` takes it.
        patience: As well.
        warn: Is called with a line on a slow process.
    """

    def __init__(
        self,
        position: Position,
        folder: str | os.PathLike[str],
        timeout: float,
        patience: float,
        warn: Callable[[str], object],
    ) -> None:
        self._position, self._folder = position, Path(folder)
        self._timeout, self._patience, self._warn = timeout, patience, warn
        self._rank, self._size = get_dist_info()
        self._store = _open_store(self._rank)
        self._stop = threading.Event()
        self._interval = min(INTERVAL, timeout / 4)
        self._answered = time.monotonic()  # when the store did so last
        # two, since a store whose process is stopped keeps whoever asks it waiting for ever
        self._threads = [
            threading.Thread(target=target, name="heartbeats", daemon=True)
            for target in (self._talk, self._listen)
        ]
        self._heard: dict[int, tuple[str, float]] = {}  # by rank: the last beat, when it came
        self._compared: tuple[float, dict[int, Beat]] = (time.monotonic(), {})

    def start(self) -> None:
        """Begin; all processes call this."""
        self._beat()  # of a process that hangs from the start, too, there is one
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End, before the first process does; calling it again does nothing."""
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * self._interval)

    def _talk(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                if self._store.check([_VERDICT]):
                    text, ranks, host = json.loads(self._store.get(_VERDICT))
                    self._end(text, self._rank in ranks and host != platform.node())
                self._beat()
                if self._rank == 0:
                    self._judge()
                self._answered = time.monotonic()
            except RuntimeError:  # the store does not answer, which the other thread notes
                continue

    def _listen(self) -> None:
        while not self._stop.wait(self._interval):
            silent = time.monotonic() - self._answered
            if silent > self._timeout:
                self._end(f"The first process has not been reached for {silent:.0f} s.")

    def _beat(self) -> None:
        self._store.set(f"beat/{self._rank}", json.dumps(self._position.beat()))

    def _judge(self) -> None:
        now, silent = time.monotonic(), dict[int, float]()
        for rank in range(self._size):
            key = f"beat/{rank}"
            text = self._store.get(key).decode() if self._store.check([key]) else ""
            if text != self._heard.get(rank, ("", 0.0))[0] or rank not in self._heard:
                self._heard[rank] = (text, now)
            silent[rank] = now - self._heard[rank][1]
        beats = [from_json(json.loads(text)) for text, _ in self._heard.values() if text]
        if len(beats) < self._size:
            return
        verdict = judge(beats, silent, self._timeout, self._patience)
        if verdict is not None:
            self._store.set(_VERDICT, json.dumps([*verdict, platform.node()]))
            self._end(verdict.text)
        if now - self._compared[0] >= _COMPARED:
            for line in slow(self._compared[1], beats):
                self._warn(line)
            self._compared = (now, {one.rank: one for one in beats})

    def _end(self, text: str, tell: bool = True) -> None:
        """Write what there is to know of this process, and end it.

        Args:
            tell: Print the reason: the first process does so, and one on another machine.
        """
        place = self._write()
        if tell:
            print(
                f"{text} All processes end; their stacks and collective operations are "
                f"in '{place}'.",
                file=sys.stderr,
                flush=True,
            )
        logging.shutdown()
        if self._rank == 0:  # which serves the verdict to the others
            time.sleep(2 * self._interval)
        os._exit(1)

    def _write(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = self._folder / f"rank{self._rank}"
        with open(f"{name}.txt", "w", encoding="utf-8") as file:
            print(f"{platform.node()}, pid {os.getpid()}: {self._position.beat().place}", file=file)
            file.flush()
            faulthandler.dump_traceback(file, all_threads=True)
        recorder = getattr(torch._C._distributed_c10d, "_dump_fr_trace_json", None)
        if recorder is not None:  # since torch 2.6; empty unless TORCH_FR_BUFFER_SIZE is set
            Path(f"{name}.json").write_bytes(recorder(True, False))
        return self._folder


def _open_store(rank: int) -> Any:
    patience, store = timedelta(seconds=10), None
    host = os.environ.get("MASTER_ADDR", "127.0.0.1")
    place: list[Any] = [0]
    if rank == 0:
        store = distributed.TCPStore(host, 0, None, True, patience, wait_for_workers=False)
        place = [store.port]
    broadcast_object_list(place)
    if store is None:
        store = distributed.TCPStore(host, place[0], None, False, patience, wait_for_workers=False)
    return store
