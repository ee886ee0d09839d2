"""Batches of a process cut into those of its shards."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.utils.data import Sampler

from mmresnet.errors import UserError


def split(data: Any, parts: int, in_turn: bool = False) -> list[Any]:
    """Cut a batch into equal parts.

    Args:
        data: A mapping of tensors and sequences with an entry for each image, or of such mappings.
        in_turn: Whether the parts take images in turn, and not each those that follow one another.

    Raises:
        UserError: It is another kind of batch.
    """
    if parts == 1:
        return [data]
    if isinstance(data, Mapping):
        columns = {key: split(value, parts, in_turn) for key, value in data.items()}
        return [{key: column[n] for key, column in columns.items()} for n in range(parts)]
    if isinstance(data, Tensor | list | tuple) and len(data) and len(data) % parts == 0:
        size = len(data) // parts
        slices = [
            slice(n, None, parts) if in_turn else slice(n * size, (n + 1) * size)
            for n in range(parts)
        ]
        # cloned, since how it is aligned in memory can change rounding
        return [data[s].clone() if isinstance(data, Tensor) else data[s] for s in slices]
    raise UserError(
        f"With logical_shards, a batch is a dict with an entry for each image; this one holds a "
        f"{type(data).__name__}" + (f" of {len(data)}" if hasattr(data, "__len__") else "") + "."
    )


class InTurn(Sampler[int]):
    """The images of several samplers of the same length, in turn."""

    def __init__(self, samplers: Sequence[Any]) -> None:
        self.samplers = samplers

    def __iter__(self) -> Iterator[int]:
        """Yield indices."""
        return itertools.chain.from_iterable(zip(*self.samplers, strict=True))

    def __len__(self) -> int:
        """Return the number of indices."""
        return len(self.samplers) * len(self.samplers[0])
