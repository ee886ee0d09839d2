"""Pickles read as plain values, without importing or calling anything that they name.

``pickle.Unpickler`` cannot do that in bounded memory: it reserves what any size or index in the
file asks for, and crashes on a dict key that is nested deeply. So the instructions that weights
need are carried out here; :mod:`pickletools` decodes them.
"""

from __future__ import annotations

import pickle
import pickletools
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, BinaryIO, TypeGuard

from mmresnet.weights.formats.detect import AGAIN, RESAVE, UNNEEDED, FormatError, shorten

_OPCODES = {opcode.code.encode("latin1"): opcode for opcode in pickletools.opcodes}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {  # numbers, text and bytes
    opcode.name
    for opcode in pickletools.opcodes
    if opcode.arg and opcode.stack_after and opcode.stack_after[0] is not pickletools.anyobject
}


@dataclass(frozen=True)
class Global:
    """Stands for what a pickle names, such as ``numpy.ndarray``."""

    path: str


class Opaque:
    """Stands for the result of a call whose content does not matter."""


class PickleReader(ABC):
    """Reads pickles of plain values; subclasses say what stands for what a pickle names.

    Args:
        stream: Where the pickle begins.
        size: The number of bytes of the file, which bounds the memory.
    """

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.protocol = 0
        self._size, self._charged = size, 0
        # a file reserves memory for as many bytes as it is asked for
        self._stream: Any = SimpleNamespace(
            read=lambda count: stream.read(min(count, size)), readline=stream.readline
        )

    @abstractmethod
    def find_class(self, path: str) -> Global:
        """Return what stands for a name."""

    @abstractmethod
    def persistent_load(self, pid: Any) -> object:
        """Return what stands for data outside the pickle."""

    @abstractmethod
    def call(self, function: Any, args: tuple[Any, ...]) -> object:
        """Return what stands for the result of a call."""

    @abstractmethod
    def build(self, made: object, state: Any) -> None:
        """Set the state of such a result."""

    def load(self) -> Any:
        """Return what the next pickle of the stream holds.

        Raises:
            FormatError: It is cut off, damaged, or holds what is refused.
        """
        try:
            return self._load()
        except (FormatError, MemoryError):
            raise
        except Exception as error:  # a damaged pickle fails in many ways
            invalid = isinstance(error, LookupError)
            reason = "an invalid instruction" if invalid else shorten(str(error))
            raise FormatError(
                f"is cut off or damaged, or not a pickle of weights ({reason}): {AGAIN}."
            ) from error

    def charge(self, count: int) -> None:
        """Count bytes that are asked for, and refuse more than the file justifies."""
        self._charged += count
        if self._charged > 3 * self._size:  # text that is encoded to bytes, and those to an array
            raise FormatError(
                f"asks for at least {self._charged:,} bytes of memory, but has {self._size:,}: "
                f"{RESAVE}."
            )

    def _load(self) -> Any:
        stack: list[Any] = []
        outer: list[list[Any]] = []
        memo: dict[Any, Any] = {}
        while True:
            code = self._stream.read(1)
            if not code:
                raise EOFError("it ends too early")
            opcode = _OPCODES[code]
            argument = self._argument(opcode)
            operands, count = [], len(opcode.stack_before)
            if pickletools.stackslice in opcode.stack_before:  # all that is above the last mark
                operands, stack, count = stack, outer.pop(), count - 2
            operands = [stack.pop() for _ in range(count)][::-1] + operands
            match opcode.name:
                case "STOP":
                    return operands[0]
                case "MARK":
                    outer.append(stack)
                    stack = []
                case "PUT" | "BINPUT" | "LONG_BINPUT":
                    memo[argument] = stack[-1]
                case "MEMOIZE":
                    memo[len(memo)] = operands[0]
                    stack += operands
                case "GET" | "BINGET" | "LONG_BINGET":
                    stack.append(memo[argument])
                case "PROTO":
                    self.protocol = argument
                case "FRAME":
                    pass
                case name:
                    stack.append(self._result(name, argument, operands))

    def _argument(self, opcode: pickletools.OpcodeInfo) -> Any:
        if opcode.name == "STRING":  # pickletools takes ASCII alone; Python 2 wrote any bytes so
            return pickle.loads(b"S" + self._stream.readline() + b".", encoding="latin1")
        return opcode.arg.reader(self._stream) if opcode.arg else None

    def _result(self, name: str, argument: Any, operands: list[Any]) -> Any:
        match name, operands:
            case _ if name in _VALUES:
                return argument
            case _ if name in _CONSTANTS:
                return _CONSTANTS[name]
            case "EMPTY_TUPLE" | "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3", _:
                return tuple(operands)
            case "EMPTY_LIST" | "LIST", _:
                return operands
            case "EMPTY_DICT" | "DICT", _:
                return _update({}, operands)
            case "APPEND" | "APPENDS", [list(target), *items]:
                target.extend(items)
                return target
            case "SETITEM" | "SETITEMS", [dict(target), *items]:
                return _update(target, items)
            case "GLOBAL", _:
                return self.find_class(argument.replace(" ", ".", 1))
            case "STACK_GLOBAL", [str(module), str(attribute)]:
                return self.find_class(f"{module}.{attribute}")
            case "BINPERSID", [pid]:
                return self.persistent_load(pid)
            case "REDUCE" | "NEWOBJ", [function, args]:
                return self.call(function, args)
            case "BUILD", [made, state]:
                self.build(made, state)
                return made
        raise FormatError(f"is a pickle with the instruction {name}, {UNNEEDED}.")


def _update(target: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
    check_keys(items[::2])
    target.update(zip(items[::2], items[1::2], strict=True))
    return target


def check_keys(keys: Iterable[object]) -> None:
    """Check that dict keys are plain: hashing deeply nested tuples crashes Python."""
    for key in keys:
        for part in key if type(key) is tuple else (key,):
            if not isinstance(part, (str, bytes, int, float, type(None))):
                raise pickle.UnpicklingError("a dict key that is not a plain value")


def is_shape(values: object) -> TypeGuard[tuple[int, ...]]:
    """Return whether ``values`` is a tuple of at most 64 integers that are not negative."""
    if not isinstance(values, tuple) or len(values) > 64:  # the most dimensions in NumPy
        return False
    return all(type(size) is int and size >= 0 for size in values)
