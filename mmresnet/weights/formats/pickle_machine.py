"""Pickles read without importing or calling anything that they name.

A pickle is a program for a small machine. Here the machine knows values alone: names stay names,
and a call goes to :meth:`Machine.call`, which has a list of its own. It is Python's own machine
written in Python, not the one in C, since that one reserves memory for whatever number it meets.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO

from mmresnet.weights.formats.kinds import UnfitError, in_short

_VALUES = (
    "PROTO FRAME STOP MARK POP POP_MARK PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET "
    "NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT "
    "STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 "
    "UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 "
    "EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT "
    "GLOBAL STACK_GLOBAL BINPERSID"
)
RESAVE = "have it saved again as a state dict of tensors alone, by torch.save"

_REASONS = {
    EOFError: "it ends too early",
    KeyError: "an instruction or a place that there is not",
    IndexError: "an instruction without its arguments",
}


@dataclass(frozen=True)
class Named:
    """Stands for what a pickle names, such as ``numpy.ndarray``."""

    path: str

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


class Made:
    """Stands for what a call would have made; takes what is put into it, and keeps nothing."""

    def append(self, item: object) -> None: ...

    def extend(self, items: Iterable) -> None: ...


class Machine(pickle._Unpickler):
    """Python's pickle machine, in which nothing is imported, called or set."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        super().__init__(stream, encoding="latin1")  # so that Python 2's bytes survive
        self._size, self._spent = size, 0
        self._file_read = lambda count: stream.read(min(count, size))  # reading reserves memory
        self._file_readline = lambda: _whole_line(stream)

    def call(self, what: object, args: tuple) -> object:
        """Return what stands for the result of calling ``what``."""
        raise NotImplementedError

    def build(self, made: object, state: object) -> None:
        """Give ``made`` its state."""
        raise NotImplementedError

    def spend(self, count: int) -> None:
        """Add to the bytes that were asked for; each byte of the file may count thrice.

        An array of protocol 2 is there as text, is encoded to bytes, and becomes an array.
        """
        self._spent += count
        if self._spent > 3 * self._size:
            raise UnfitError(
                f"asks for at least {self._spent:,} bytes of memory, where it has {self._size:,}; "
                f"it was refused before that. {RESAVE[0].upper()}{RESAVE[1:]}."
            )

    def find_class(self, module: str, name: str) -> Named:
        return Named(f"{module}.{name}")

    def _reduce(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self.call(self.stack[-1], args)

    def _build(self) -> None:
        state = self.stack.pop()
        self.build(self.stack[-1], state)

    def _set(self, items: list) -> None:
        target = self.stack[-1]
        check_keys(items[::2])
        if type(target) in (dict, OrderedDict):
            target.update(zip(items[::2], items[1::2], strict=True))
        elif not isinstance(target, Made):
            raise pickle.UnpicklingError("an item for something that has none")

    def _setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def _dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._set(items)

    def _bytearray8(self) -> None:
        count = int.from_bytes(self.read(8), "little")
        self.append(self.read(count))

    def _refuse(self) -> None:
        raise UnfitError(
            f"is a pickle with an instruction that weights have no need of; nothing in it was run. "
            f"If you trust its author, {RESAVE}."
        )

    dispatch = {  # noqa: RUF012  a table, as in the base class
        **dict.fromkeys(pickle._Unpickler.dispatch, _refuse),
        **{
            getattr(pickle, name)[0]: pickle._Unpickler.dispatch[getattr(pickle, name)[0]]
            for name in _VALUES.split()
        },
        pickle.REDUCE[0]: _reduce,
        pickle.NEWOBJ[0]: lambda self: self._reduce(),
        pickle.BUILD[0]: _build,
        pickle.DICT[0]: _dict,
        pickle.SETITEM[0]: _setitem,
        pickle.SETITEMS[0]: lambda self: self._set(self.pop_mark()),
        pickle.BYTEARRAY8[0]: _bytearray8,
    }


def run(machine: Machine) -> Any:
    """Return what the next pickle of the machine's stream holds.

    Raises:
        UnfitError: It is cut off, damaged, or holds what the machine refuses.
    """
    try:
        return machine.load()
    except (UnfitError, MemoryError):
        raise
    except Exception as error:  # a damaged pickle trips the machine in many ways
        reason = _REASONS.get(type(error)) or in_short(str(error))
        raise UnfitError(
            f"cannot be read: it is cut off or damaged, or no pickle of weights ({reason}). Fetch "
            "or write it again."
        ) from error


def _whole_line(stream: BinaryIO) -> bytes:
    line = stream.readline()
    if line[-1:] != b"\n":  # a name that is cut off would be taken for another
        raise EOFError
    return line


def ordered(args: tuple) -> OrderedDict:
    """Return the dict that a call with these arguments makes."""
    pairs = list(args[0]) if args else []
    check_keys(pair[0] for pair in pairs)
    return OrderedDict(pairs)


def check_keys(keys: Iterable) -> None:
    """See that keys are plain: to hash tuples within tuples without end crashes Python."""
    plain = (str, bytes, int, float, type(None))
    for key in keys:
        if not isinstance(key, plain) and not (
            isinstance(key, tuple) and all(isinstance(part, plain) for part in key)
        ):
            raise pickle.UnpicklingError("a key that is no plain value")


def are_sizes(values: object) -> bool:
    """Whether ``values`` is a tuple of whole numbers that are not negative."""
    return isinstance(values, tuple) and all(type(size) is int and size >= 0 for size in values)
