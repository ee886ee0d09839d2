"""The pickles of NumPy arrays in which Detectron and detectron2 keep weights, read as values."""

from __future__ import annotations

import math
import pickle
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from mmresnet.weights.formats.kinds import UnfitError, in_short
from mmresnet.weights.formats.pickle_machine import RESAVE, Machine, Named, are_sizes, ordered, run

_NUMPY_CORES = ("numpy.core", "numpy._core")  # of numpy 1 and 2
_OF_ARRAYS = {
    "numpy.ndarray",
    "numpy.dtype",
    "_codecs.encode",
    "__builtin__.bytes",  # by which protocol 2 spells no bytes at all
    "builtins.bytes",
    "collections.OrderedDict",
    *(f"{core}.multiarray.{name}" for core in _NUMPY_CORES for name in ("_reconstruct", "scalar")),
    *(f"{core}.numeric._frombuffer" for core in _NUMPY_CORES),
}


@dataclass
class _Kind:
    dtype: np.dtype


@dataclass
class Array:
    """An array as pickled: made empty, and filled by a later instruction."""

    values: np.ndarray | None = None


class _ArrayReader(Machine):
    """Makes NumPy arrays of what NumPy writes, by itself, and refuses every other name."""

    def find_class(self, module: str, name: str) -> Named:
        path = f"{module}.{name}"
        if path not in _OF_ARRAYS:
            raise UnfitError(
                f"holds '{in_short(path)}', which weights have no need of; nothing in it was run. "
                f"If you trust its author, {RESAVE}."
            )
        return Named(path)

    def persistent_load(self, pid: object) -> object:
        raise pickle.UnpicklingError("it points to data outside")

    def call(self, what: object, args: tuple) -> object:
        match getattr(what, "name", ""), args:
            case "OrderedDict", _:
                return ordered(args)
            case "encode", (str(text), "latin1"):
                self.spend(len(text))
                return text.encode("latin1")
            case "bytes", ():
                return b""
            case "dtype", (str(code), *_) if re.fullmatch(r"[<>|=]?(b1|[iu][1248]|f[248])", code):
                return _Kind(np.dtype(code))
            case "dtype", (str(code), *_):
                raise UnfitError(
                    f"holds an array of the type '{in_short(code)}', and weights are numbers: "
                    f"{RESAVE}."
                )
            case "_reconstruct", (Named("numpy.ndarray"), (0,), _):
                return Array()
            case "scalar", (kind, data):
                return self._array((), kind, data, "C").item()
            case "_frombuffer", (data, kind, shape, order, *axes):
                values = self._array(shape, kind, data, order)
                turned = order == "K" and bool(axes) and axes[0] is not None
                return Array(values.transpose(axes[0]) if turned else values)
        raise pickle.UnpicklingError("a call that makes no array")

    def build(self, made: object, state: object) -> None:
        match made, state:
            case OrderedDict(), _:
                pass  # attributes of a dict, such as the versions of a state dict's modules
            case _Kind(), (_, "<" | ">" | "=" | "|" as order, *_):
                made.dtype = made.dtype.newbyteorder(order)
            case Array(), (_, shape, kind, bool(fortran), data):
                made.values = self._array(shape, kind, data, "F" if fortran else "C")
            case _:
                raise pickle.UnpicklingError("a state of something other than an array")

    def _array(self, shape: object, kind: object, data: object, order: object) -> np.ndarray:
        data = data.encode("latin1") if isinstance(data, str) else data  # as Python 2 wrote them
        if not (isinstance(kind, _Kind) and isinstance(data, bytes) and are_sizes(shape)):
            raise pickle.UnpicklingError("an array without a shape, a type or data")
        if math.prod(shape) * kind.dtype.itemsize != len(data):
            raise UnfitError(
                f"claims an array of {shape} values of {kind.dtype.itemsize} bytes, where it has "
                f"{len(data):,} bytes of it: fetch or write it again."
            )
        self.spend(len(data))
        return np.ndarray(shape, kind.dtype, data, order="F" if order == "F" else "C")


def read_arrays(stream: BinaryIO, size: int) -> Any:
    """Return what a pickle of plain values and NumPy arrays holds, the arrays as :class:`Array`.

    Args:
        size: The bytes of the file, which bound the memory that is spent.

    Raises:
        UnfitError: It is cut off, or holds something else.
    """
    return run(_ArrayReader(stream, size))
