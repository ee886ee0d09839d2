"""What a checkpoint of torch's would make torch reserve, added up before torch reads it.

``bytearray(10**9)`` is a pickle of 30 bytes, and torch's reader without code still allows it.
"""

from __future__ import annotations

import math
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from mmresnet.weights.formats.kinds import UnfitError
from mmresnet.weights.formats.pickle_machine import (
    RESAVE,
    Machine,
    Made,
    are_sizes,
    check_keys,
    ordered,
    run,
)

_STORAGE_BYTES = {
    **dict.fromkeys(("DoubleStorage", "LongStorage", "ComplexFloatStorage"), 8),
    **dict.fromkeys(("FloatStorage", "IntStorage", "QInt32Storage"), 4),
    **dict.fromkeys(("HalfStorage", "BFloat16Storage", "ShortStorage"), 2),
    "ComplexDoubleStorage": 16,
}


@dataclass(frozen=True)
class _Storage:
    numel: int
    element_bytes: int


class _Dtype(Made):
    """Stands for a NumPy type."""


class _ClaimCounter(Machine):
    """Makes nothing, and adds up what torch would be made to make."""

    def __init__(self, stream: BinaryIO, size: int, records: Mapping[str, int] | None) -> None:
        super().__init__(stream, size)
        self._records, self._storages = records, {}

    def persistent_load(self, pid: object) -> object:
        if not (isinstance(pid, tuple) and pid[:1] in (("storage",), (b"storage",))):
            return Made()  # torch refuses it
        kind, key, _, numel, *view = pid[1:]
        _, _, part = view[0] if view and view[0] is not None else (None, None, numel)
        if not are_sizes((numel, part)):
            raise pickle.UnpicklingError("a storage without a size")
        check_keys([key])
        storage = _Storage(numel, _STORAGE_BYTES.get(getattr(kind, "name", ""), 1))
        claimed = storage.numel * storage.element_bytes
        have = self._size if self._records is None else self._records.get(str(key), 0)
        if claimed > have:
            raise UnfitError(
                f"claims a tensor of {claimed:,} bytes, where it has {have:,} bytes for it: "
                "it is cut off or damaged. Fetch or write it again."
            )
        if key not in self._storages:
            self.spend(claimed)
        whole = self._storages.setdefault(key, storage)
        return _Storage(min(part, whole.numel), whole.element_bytes)

    def call(self, what: object, args: tuple) -> object:
        name = getattr(what, "name", "")
        if name == "OrderedDict":
            return ordered(args)
        if name == "_rebuild_from_type_v2" and len(args) > 2:
            return self.call(args[0], args[2])
        if name.startswith(("_rebuild_tensor", "_rebuild_qtensor")):
            self._view(args)
        elif name in ("set", "Counter") and args:
            check_keys(args[0])
        elif name == "dtype" and args:  # of text, "S1000000000" is one value
            self.spend(int("0" + "".join(filter(str.isdecimal, str(args[0])))))
            return _Dtype()
        elif name != "Size":
            self.spend(_asked(args))
        return Made()

    def build(self, made: object, state: object) -> None:
        if isinstance(made, OrderedDict):
            if not isinstance(state, dict) or state.keys() - {"_metadata"}:
                raise UnfitError(f"holds a dict with attributes of its own: {RESAVE}.")
        elif isinstance(state, tuple) and state and isinstance(state[0], _Storage):
            self._view(state)  # how tensors were pickled before PyTorch 0.2
        elif isinstance(made, _Dtype):
            # flags make NumPy take numbers for addresses; plain types have none, text has 8
            if not (isinstance(state, tuple) and len(state) == 8 and state[7] in (0, 8)):
                raise UnfitError(f"holds an array of a type that is not plain numbers: {RESAVE}.")
            self.spend(max(state[5], 0))
        elif isinstance(state, tuple):
            self.spend(max((part for part in state if type(part) is int), default=0))
            self.spend(sum(len(part) for part in state if isinstance(part, (str, bytes))))

    def _view(self, args: tuple) -> None:
        """Check a tensor, for which torch would enlarge a storage that is too small."""
        storage, offset, shape, strides = args[:4]
        if not isinstance(storage, _Storage) or not are_sizes((offset, *shape, *strides)):
            raise pickle.UnpicklingError("a tensor without a storage or a size")
        steps = zip(shape, strides, strict=True)
        end = offset + sum((size - 1) * stride for size, stride in steps) + 1 if all(shape) else 0
        if end > storage.numel or math.prod(shape) * storage.element_bytes > self._size:
            raise UnfitError(
                f"claims a tensor of {tuple(shape)} values, where it has {storage.numel:,} values "
                "for it: it is damaged. Fetch or write it again."
            )


def check_claims(stream: BinaryIO, size: int, records: Mapping[str, int] | None = None) -> None:
    """See that a pickle of torch's makes torch reserve no more memory than its file has bytes.

    What it names is not judged: torch does that.

    Args:
        records: The bytes of each storage in an archive; None for a file without an archive, in
            which five pickles follow each other, and then the data.

    Raises:
        UnfitError: It claims more, or is cut off.
    """
    for _ in range(5 if records is None else 1):
        machine = _ClaimCounter(stream, size, records)
        run(machine)
        if machine.proto >= 4:
            raise UnfitError(
                f"is pickled by protocol {machine.proto}, which torch cannot read without running "
                "what it names: have it saved again by torch.save, with its own default."
            )


def _asked(args: tuple, depth: int = 0) -> int:
    """Return the most elements that a call may make of the sizes and the text in its arguments."""
    if depth > 4:
        raise pickle.UnpicklingError("arguments within arguments")
    sizes = [size for size in args if type(size) is int]
    total = math.prod(sizes) if sizes and min(sizes) > 0 else 0
    for part in args:
        if isinstance(part, tuple):
            total += _asked(part, depth + 1)
        elif isinstance(part, (str, bytes)):
            total += len(part)
    return total
