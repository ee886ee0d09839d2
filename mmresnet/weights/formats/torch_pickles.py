"""The pickles in files of torch.save, checked for what torch would allocate when it reads them.

``bytearray(10**9)`` is a pickle of 30 bytes, and torch's reader allows it with ``weights_only``.
"""

from __future__ import annotations

import importlib.util
import math
import pickle
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from mmresnet.weights.formats.detect import AGAIN, RESAVE, UNNEEDED, FormatError, shorten
from mmresnet.weights.formats.numpy_pickles import NUMPY_GLOBALS, DType, NumpyReader
from mmresnet.weights.formats.pickle_reader import Global, Opaque, check_keys, is_shape
from mmresnet.weights.formats.torch_files import allow_history_buffer

_ITEM_SIZES = {
    **dict.fromkeys(("DoubleStorage", "LongStorage", "ComplexFloatStorage"), 8),
    **dict.fromkeys(("FloatStorage", "IntStorage", "QInt32Storage"), 4),
    **dict.fromkeys(("HalfStorage", "BFloat16Storage", "ShortStorage"), 2),
    "ComplexDoubleStorage": 16,
}
_ALLOCATE_NOTHING = re.compile(  # unless they are given nested lists
    r"Size|device|complex|getattr|_get_layout|Parameter"
    r"|_rebuild_(parameter|parameter_with_state|sparse_tensor|nested_tensor)"
)


def check_torch_pickles(
    stream: BinaryIO, size: int, records: Mapping[str, int] | None = None
) -> None:
    """Check that torch needs no more memory for a pickle than its file has bytes.

    Args:
        records: The bytes of each storage in an archive; None for a legacy file, in which five
            pickles are followed by the data.

    Raises:
        FormatError: It needs more, or is cut off.
    """
    for _ in range(5 if records is None else 1):
        checker = _TorchChecker(stream, size, records)
        checker.load()
        if checker.protocol >= 4:
            raise FormatError(
                f"is pickled by protocol {checker.protocol}, which torch cannot read without "
                "running what it names: save it again by torch.save with its default protocol."
            )


@dataclass(frozen=True)
class _Storage:
    numel: int
    item_size: int


class _TorchChecker(NumpyReader):
    """Makes no tensors, and adds up the bytes of those that torch would make."""

    def __init__(self, stream: BinaryIO, size: int, records: Mapping[str, int] | None) -> None:
        super().__init__(stream, size)
        self._records = records
        self._storages: dict[str, _Storage] = {}

    def find_class(self, path: str) -> Global:
        if path.startswith("mmengine.") and importlib.util.find_spec("mmengine"):
            allow_history_buffer()  # not before: it imports mmengine
        return Global(path)

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", kind, str(key), _, numel, *view):
                part = view[0][2] if view and view[0] is not None else numel
            case _:
                numel = part = None
        if not is_shape((numel, part)):
            raise pickle.UnpicklingError("a storage without a key or a size")
        item_size = _ITEM_SIZES.get(kind.path.rpartition(".")[2], 1)
        available = self._size if self._records is None else self._records.get(key, 0)
        if numel * item_size > available:
            raise FormatError(
                f"claims a tensor of {numel * item_size:,} bytes, but has {available:,} bytes for "
                f"it: it is cut off or damaged; {AGAIN}."
            )
        if key not in self._storages:
            self.charge(numel * item_size)
        storage = self._storages.setdefault(key, _Storage(numel, item_size))
        return _Storage(min(part, storage.numel), storage.item_size)

    def call(self, function: object, args: tuple[Any, ...]) -> object:
        path = function.path if isinstance(function, Global) else ""
        if NUMPY_GLOBALS.fullmatch(path):
            return super().call(Global(path), args)
        name = path.rpartition(".")[2]
        if name == "_rebuild_from_type_v2":
            return self.call(args[0], args[2])
        if name.startswith(("_rebuild_tensor", "_rebuild_qtensor")):
            self._check_view(args)
        elif name in ("set", "Counter") and args:
            self.charge(4 * len(args[0]))
            check_keys(args[0])
        elif args and not (_ALLOCATE_NOTHING.fullmatch(name) and _is_flat(args)):
            raise FormatError(f"holds '{shorten(path)}', {UNNEEDED}.")
        return Opaque()

    def build(self, made: object, state: Any) -> None:
        match made, state:
            case OrderedDict(), dict() if state.keys() <= {"_metadata"}:
                pass
            case OrderedDict(), _:
                raise FormatError(f"holds a dict with attributes of its own: {RESAVE}.")
            case DType(), (_, _, None, None, None, size, _, 0 | 8):
                if size not in (-1, made.dtype.itemsize):
                    raise pickle.UnpicklingError("a dtype of another size")  # NumPy would allocate
                super().build(made, state)
            case DType(), _:  # with other flags, NumPy takes numbers for addresses
                raise FormatError(f"holds an array of a type that is not plain numbers: {RESAVE}.")
            case Opaque(), dict() | [bool(), *_] | [_, _, _, bool(), _]:
                pass  # attributes; before PyTorch 0.4, also those of parameters
            case Opaque(), _:  # before PyTorch 0.2, tensors
                self._check_view(state)
            case _:
                super().build(made, state)

    def _check_view(self, args: tuple[Any, ...]) -> None:
        """Check a tensor, for which torch would enlarge a storage that is too small."""
        storage, offset, shape, strides = args[:4]
        if not isinstance(storage, _Storage) or not is_shape((offset, *shape, *strides)):
            raise pickle.UnpicklingError("a tensor without a storage or a size")
        steps = zip(shape, strides, strict=True)
        end = offset + sum((size - 1) * stride for size, stride in steps) + 1 if all(shape) else 0
        if end > storage.numel or math.prod(shape) * storage.item_size > self._size:
            raise FormatError(
                f"claims a tensor of {tuple(shape)} values, but has {storage.numel:,} values for "
                f"it: it is damaged; {AGAIN}."
            )


def _is_flat(args: tuple[Any, ...]) -> bool:
    parts = [part for arg in args for part in (arg if isinstance(arg, tuple) else (arg,))]
    return not any(isinstance(part, (list, tuple)) and not is_shape(part) for part in parts)
