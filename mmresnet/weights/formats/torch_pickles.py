"""The pickles in files of torch.save, checked for what torch would allocate when it reads them.

``bytearray(10**9)`` is a pickle of 30 bytes, and torch's reader allows it with ``weights_only``.
"""

from __future__ import annotations

import math
import pickle
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from mmresnet.weights.formats.detect import AGAIN, FormatError
from mmresnet.weights.formats.numpy_pickles import NUMPY_GLOBALS, DType, NumpyReader
from mmresnet.weights.formats.pickle_reader import RESAVE, Global, Opaque, is_shape, check_keys

_ITEM_SIZES = {
    **dict.fromkeys(("DoubleStorage", "LongStorage", "ComplexFloatStorage"), 8),
    **dict.fromkeys(("FloatStorage", "IntStorage", "QInt32Storage"), 4),
    **dict.fromkeys(("HalfStorage", "BFloat16Storage", "ShortStorage"), 2),
    "ComplexDoubleStorage": 16,
}


def check_torch_pickles(
    stream: BinaryIO, size: int, records: Mapping[str, int] | None = None
) -> set[str]:
    """Check that torch needs no more memory for a pickle than its file has bytes.

    What the pickle names is not judged: torch does that.

    Args:
        stream: Where the pickle begins.
        size: The number of bytes of the file.
        records: The bytes of each storage in an archive; None for a file without an archive, in
            which five pickles follow each other, and then the data.

    Returns:
        The names in it, such as ``torch.FloatStorage``.

    Raises:
        FormatError: It needs more, or is cut off.
    """
    names = set()
    for _ in range(5 if records is None else 1):
        checker = _TorchChecker(stream, size, records, names)
        checker.load()
        if checker.protocol >= 4:
            raise FormatError(
                f"is pickled by protocol {checker.protocol}, which torch cannot read without "
                "running what it names: save it again by torch.save with its default protocol."
            )
    return names


@dataclass(frozen=True)
class _Storage:
    numel: int
    item_size: int


class _TorchChecker(NumpyReader):
    """Makes no tensors, and adds up the bytes of those that torch would make."""

    def __init__(
        self, stream: BinaryIO, size: int, records: Mapping[str, int] | None, names: set[str]
    ) -> None:
        super().__init__(stream, size)
        self._records, self._names = records, names
        self._storages: dict[str, _Storage] = {}

    def find_class(self, path: str) -> Global:
        self._names.add(path)
        return Global(path)

    def persistent_load(self, pid: object) -> _Storage:
        match pid:
            case ("storage", kind, str(key), _, numel, *view):
                part = view[0][2] if view and view[0] is not None else numel
            case _:
                numel = part = None
        if not is_shape((numel, part)):
            raise pickle.UnpicklingError("a storage without a key or a size")
        item_size = _ITEM_SIZES.get(_name(kind), 1)
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

    def call(self, function: object, args: tuple) -> object:
        if isinstance(function, Global) and NUMPY_GLOBALS.fullmatch(function.path):
            return super().call(function, args)
        name = _name(function)
        if name == "_rebuild_from_type_v2" and len(args) > 2:
            return self.call(args[0], args[2])
        if name.startswith(("_rebuild_tensor", "_rebuild_qtensor")):
            self._check_view(args)
        elif name in ("set", "Counter") and args:
            self.charge(4 * len(args[0]))
            check_keys(args[0])
        elif name != "Size":
            self._charge_elements(args)
        return Opaque()

    def build(self, made: object, state: object) -> None:
        match made, state:
            case OrderedDict(), dict() if state.keys() <= {"_metadata"}:
                pass
            case OrderedDict(), _:
                raise FormatError(f"holds a dict with attributes of its own: {RESAVE}.")
            # another size makes NumPy allocate, and with flags it takes numbers for addresses
            case DType(), (_, _, None, None, None, size, _, 0 | 8) if size in (
                -1,
                made.dtype.itemsize,
            ):
                super().build(made, state)
            case DType(), _:
                raise FormatError(f"holds an array of a type that is not plain numbers: {RESAVE}.")
            case Opaque(), (_Storage(), *_):  # how tensors were pickled before PyTorch 0.2
                self._check_view(state)
            case Opaque(), tuple() | list():
                self._charge_elements(state)
            case Opaque(), _:
                pass
            case _:
                super().build(made, state)

    def _check_view(self, args: tuple) -> None:
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

    def _charge_elements(self, args: Sequence, depth: int = 0) -> None:
        """Charge the most elements that a call can make from the sizes and values it is given."""
        if depth > 4:
            raise pickle.UnpicklingError("arguments within arguments")
        sizes = [size for size in args if type(size) is int]
        self.charge(math.prod(sizes) if sizes and min(sizes) > 0 else 0)
        self.charge(len(args))
        for part in args:
            if isinstance(part, (tuple, list)):
                self._charge_elements(part, depth + 1)
            elif isinstance(part, (str, bytes)):
                self.charge(len(part))


def _name(function: object) -> str:
    return function.path.rpartition(".")[2] if isinstance(function, Global) else ""
