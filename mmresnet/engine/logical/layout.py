"""Which logical shards of a run a process computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.dist import get_dist_info

from mmresnet.errors import UserError


@dataclass(frozen=True)
class Layout:
    """A fixed number of shards, dealt out to the processes in blocks of neighbours.

    Both numbers are powers of two, so that the shards of a process are a subtree of the binary tree
    in which values of shards are added: ((0 + 1) + (2 + 3)) is computed by one process, by two that
    have the halves, or by four.

    Args:
        shards: Their number.
        rank: This process.
        processes: Their number.

    Raises:
        UserError: The processes cannot have as many shards each.
    """

    shards: int
    rank: int = 0
    processes: int = 1

    def __post_init__(self) -> None:
        allowed = [str(2**n) for n in range(self.shards.bit_length())]
        if str(self.processes) not in allowed:
            listed = " or ".join([", ".join(allowed[:-1]), allowed[-1]] if allowed[1:] else allowed)
            raise UserError(
                f"logical_shards={self.shards} is computed by {listed} processes, not by "
                f"{self.processes}: start another number, or choose logical_shards when the run "
                "begins as a power of two that is not below the number of processes."
            )

    @property
    def own(self) -> range:
        """The shards of this process."""
        number = self.shards // self.processes
        return range(self.rank * number, (self.rank + 1) * number)


def layout_of(cfg: Mapping[str, Any]) -> Layout | None:
    """Return the layout of a run for this process; None if its config sets no ``logical_shards``.

    Raises:
        UserError: The processes cannot have as many shards each.
    """
    shards = cfg.get("logical_shards")
    return Layout(shards, *get_dist_info()) if shards else None
