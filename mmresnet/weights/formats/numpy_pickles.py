"""Pickles of NumPy arrays, in which Detectron and detectron2 keep weights, read as values."""

from __future__ import annotations

import math
import pickle
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmresnet.weights.formats.detect import AGAIN, RESAVE, UNNEEDED, FormatError, shorten
from mmresnet.weights.formats.pickle_reader import Global, PickleReader, check_keys, is_shape

NUMPY_GLOBALS = re.compile(  # of NumPy 1 and 2; protocol 2 writes bytes by calls
    r"numpy\.(ndarray|dtype|_?core\.(multiarray\.(_reconstruct|scalar)|numeric\._frombuffer))"
    r"|_codecs\.encode|(__builtin__|builtins)\.(bytes|bytearray)|collections\.OrderedDict"
)
_DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|c8|c16|[US][1-9]\d{0,8})")


@dataclass
class DType:
    """A dtype as pickled: its byte order is set by a later instruction."""

    dtype: np.dtype


@dataclass
class Array:
    """An array as pickled: made empty, and filled by a later instruction."""

    values: np.ndarray


class NumpyReader(PickleReader):
    """Makes NumPy arrays of what NumPy writes, and refuses every other name."""

    def find_class(self, path: str) -> Global:
        if not NUMPY_GLOBALS.fullmatch(path):
            raise FormatError(f"holds '{shorten(path)}', {UNNEEDED}.")
        return Global(path)

    def persistent_load(self, pid: object) -> object:
        raise pickle.UnpicklingError("it refers to data outside")

    def call(self, function: Global, args: tuple[Any, ...]) -> object:
        match function.path.rpartition(".")[2], args:
            case "OrderedDict", ([] | [list()]):
                pairs = args[0] if args else []
                self.charge(4 * len(pairs))
                check_keys(key for key, _ in pairs)
                return OrderedDict(pairs)
            case "encode", (str(text), "latin1"):
                self.charge(len(text))
                return text.encode("latin1")
            case "bytes" | "bytearray", () | (bytes(),):
                self.charge(len(data := b"".join(args)))
                return data
            case "dtype", (str(code), *_):
                if not _DTYPE.fullmatch(code):
                    raise FormatError(
                        f"holds an array of the type '{shorten(code)}', but weights are numbers: "
                        f"{RESAVE}."
                    )
                return DType(np.dtype(code))
            case "_reconstruct", (Global("numpy.ndarray"), (0,), "b" | b"b"):
                return Array(np.empty(0, "i1"))
            case "scalar", (dtype, data):
                return self._array((), dtype, data, "C").item()
            case "_frombuffer", (data, dtype, shape, order, *axes):
                values = self._array(shape, dtype, data, order)
                permuted = order == "K" and bool(axes) and axes[0] is not None
                return Array(values.transpose(axes[0]) if permuted else values)
        raise FormatError(f"holds a call of '{function.path}' that makes no array, {UNNEEDED}.")

    def build(self, made: object, state: object) -> None:
        match made, state:
            case OrderedDict(), _:
                pass  # attributes of a dict, such as the versions of a state dict's modules
            case DType(), (_, "<" | ">" | "=" | "|" as order, *_):
                made.dtype = made.dtype.newbyteorder(order)
            case Array(), (_, shape, dtype, bool(fortran), data):
                made.values = self._array(shape, dtype, data, "F" if fortran else "C")
            case _:
                raise pickle.UnpicklingError("a state of something other than an array")

    def _array(self, shape: object, dtype: object, data: object, order: object) -> np.ndarray:
        if isinstance(data, str):  # as Python 2 wrote them
            data = data.encode("latin1")
        if not (
            isinstance(data, (bytes, bytearray)) and isinstance(dtype, DType) and is_shape(shape)
        ):
            raise pickle.UnpicklingError("an array without a shape, a dtype or data")
        item_size = dtype.dtype.itemsize
        if math.prod(shape) * item_size != len(data):
            raise FormatError(
                f"claims an array of {shape} values of {item_size} bytes, but has {len(data):,} "
                f"bytes for it: {AGAIN}."
            )
        self.charge(len(data))
        return np.ndarray(shape, dtype.dtype, data, order="F" if order == "F" else "C")
