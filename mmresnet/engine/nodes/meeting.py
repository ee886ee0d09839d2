"""Where the processes of a run exchange values before their process group exists."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from mmresnet.errors import UserError

_PATIENCE = 300  # s; machines import packages at different speed
_FAREWELL = 30  # s


class Meeting:
    """The processes that torchrun has started; one process alone is all of them.

    Each calls :meth:`exchange` equally often. Where one fails instead, :meth:`settling` lets the
    others know, who fail in the same exchange rather than wait for it.
    """

    def __init__(self) -> None:
        self.rank, self.size = 0, 1
        self._store: Any = None
        self._number = 0

    @classmethod
    def join(cls, launcher: str) -> Meeting:
        """Return the meeting of this run's processes; of those of other launchers each is alone."""
        own = cls()
        if launcher == "pytorch" and int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from torch import distributed as torch_distributed

            distributed: Any = torch_distributed
            patience = timedelta(seconds=_PATIENCE)
            store, own.rank, own.size = next(distributed.rendezvous("env://", timeout=patience))
            own._store = distributed.PrefixStore("mmresnet", store)
        return own

    def exchange(self, value: Any) -> list[Any]:
        """Return the values of all processes, by rank; they are of JSON's types.

        Raises:
            UserError: Another process has failed, or does not come.
        """
        if self._store is None:
            return [value]
        self._say({"value": value})
        said = self._hear()
        for rank, one in enumerate(said):
            if "error" in one:
                self._leave()
                raise _OtherFailed(f"Process {rank} (on {one['host']}): {one['error']}")
        return [one["value"] for one in said]

    @contextlib.contextmanager
    def settling(self) -> Iterator[Meeting]:
        """Tell the other processes if this one fails inside by a UserError."""
        try:
            yield self
        except _OtherFailed:
            raise
        except UserError as error:
            if self._store is not None:
                self._say({"error": str(error)})
                with contextlib.suppress(UserError):
                    self._hear()
                self._leave()
            raise

    def _say(self, what: dict[str, Any]) -> None:
        self._number += 1
        text = json.dumps({"host": platform.node(), **what})
        self._store.set(f"{self._number}/{self.rank}", text)

    def _hear(self) -> list[dict[str, Any]]:
        keys = [f"{self._number}/{rank}" for rank in range(self.size)]
        try:
            self._store.wait(keys, timedelta(seconds=_PATIENCE))
        except (RuntimeError, ValueError) as error:  # of torch's, by version
            late = [rank for rank, key in enumerate(keys) if not self._store.check([key])]
            raise _OtherFailed(
                f"Process {late[0] if late else '?'} of {self.size} has not come within "
                f"{_PATIENCE} s: see what it printed, on its machine."
            ) from error
        return [json.loads(text) for text in self._store.multi_get(keys)]

    def _leave(self) -> None:
        """Wait until all have heard of a failure: they hear it from the first process."""
        end = time.monotonic() + _FAREWELL
        with contextlib.suppress(RuntimeError):  # the first process has heard all, and is gone
            heard = self._store.add("heard", 1)
            while heard < self.size and time.monotonic() < end:
                time.sleep(0.05)
                heard = self._store.add("heard", 0)


class _OtherFailed(UserError):
    """Another process has failed; those that are left notice it by themselves."""
