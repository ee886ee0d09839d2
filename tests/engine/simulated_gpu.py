"""A device without one: tensors in memory that say where a program would wait for a GPU.

    with simulated_gpu() as waits:
        model.to(DEVICE)
        waits.clear()
        model.train_step(batch, optim_wrapper)
    assert not waits

``DEVICE`` is torch's "lazy", which has no kernels of its own, and gradients in the CPU's thread.
Every operator computes on the CPU. A wait is what ``torch.cuda.set_sync_debug_mode`` warns of: a
number or a size that Python asks for (``item``, ``nonzero``, an index that is a mask), and a copy
between the device and memory that is not ``non_blocking``. On an H100 the same lines waited as
often: :mod:`tests.engine.test_waits`.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union

import torch
from mmengine.structures import instance_data
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

DEVICE = torch.device("lazy", 0)

_aten = torch.ops.aten
_ASK_FOR_A_NUMBER = {_aten._local_scalar_dense, _aten.equal}
_ASK_FOR_A_SIZE = {
    *(_aten.nonzero, _aten.masked_select, _aten._unique2),
    *(_aten.unique_dim, _aten.unique_consecutive),
}
_INDEX = {_aten.index, _aten._unsafe_index}
_PUT = {_aten.index_put, _aten.index_put_, _aten._index_put_impl_}


class Waits(collections.Counter[str]):
    """How often each line waits, as ``folder/file.py:number``."""


@contextlib.contextmanager
def simulated_gpu() -> Iterator[Waits]:
    """Let tensors be made on ``DEVICE``, and count where the program waits for it."""
    waits = Waits()
    kinds = {
        "BoolTypeTensor": Union[torch.BoolTensor, _Masks],  # noqa: UP007
        "LongTypeTensor": Union[torch.LongTensor, _Indices],  # noqa: UP007
    }
    kinds["IndexType"] = Union[(*instance_data.IndexType.__args__, OnDevice)]
    before = {name: getattr(instance_data, name) for name in kinds}
    for name, kind in kinds.items():  # which know of CUDA's tensors
        setattr(instance_data, name, kind)
    try:
        with _Lists(), _Operators(waits):
            yield waits
    finally:
        for name, kind in before.items():
            setattr(instance_data, name, kind)


class OnDevice(Tensor):
    """A tensor that says to be on the device, with its numbers in ``data_in_memory``."""

    data_in_memory: Tensor

    @staticmethod
    def __new__(cls, data: Tensor) -> OnDevice:
        made = Tensor._make_wrapper_subclass(
            cls,
            data.size(),
            strides=data.stride(),
            storage_offset=data.storage_offset(),
            dtype=data.dtype,
            device=DEVICE,
        )
        made.data_in_memory = data
        return made

    def __repr__(self) -> str:
        return f"OnDevice({self.data_in_memory})"

    @classmethod
    def __torch_dispatch__(cls, operator: Any, types: Any, args: Any = (), kwargs: Any = None):
        return _compute(operator, args, kwargs or {}, Waits())


class _OfType(type):
    dtype: torch.dtype

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, OnDevice) and instance.dtype == cls.dtype


class _Masks(metaclass=_OfType):
    dtype = torch.bool


class _Indices(metaclass=_OfType):
    dtype = torch.long


class _Operators(TorchDispatchMode):
    def __init__(self, waits: Waits) -> None:
        super().__init__()
        self._waits = waits

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None):
        return _compute(operator, args, kwargs or {}, self._waits)


class _Lists(TorchFunctionMode):
    """Copies Python's numbers to and from the device as ``to`` does; operators do not see it."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None):
        kwargs = dict(kwargs or {})
        if function in (torch.tensor, torch.as_tensor) and not isinstance(args[0], Tensor):
            if _is_there(kwargs.get("device")):
                del kwargs["device"]
                return function(*args, **kwargs).to(DEVICE)
        elif function is Tensor.new_tensor and isinstance(args[0], OnDevice):
            kwargs.setdefault("dtype", args[0].dtype)
            return torch.tensor(*args[1:], **kwargs).to(DEVICE)
        elif function is Tensor.tolist:
            return args[0].cpu().tolist()
        elif function in (Tensor.__getitem__, Tensor.__setitem__):
            args = (args[0], _without_lists(args[0], args[1]), *args[2:])
        return function(*args, **kwargs)


def _is_there(device: Any) -> bool:
    return device is not None and torch.device(device).type == DEVICE.type


def _without_lists(indexed: Tensor, index: Any) -> Any:
    parts = index if isinstance(index, tuple) else (index,)
    if not isinstance(indexed, OnDevice) or not any(isinstance(part, list) for part in parts):
        return index
    return tuple(torch.tensor(p).to(DEVICE) if isinstance(p, list) else p for p in parts)


def _compute(operator: Any, args: Any, kwargs: dict[str, Any], waits: Waits) -> Any:
    given = any(isinstance(leaf, OnDevice) for leaf in tree_leaves((args, kwargs)))
    there = _is_there(kwargs["device"]) if kwargs.get("device") is not None else given
    if not given and not there:
        return operator(*args, **kwargs)
    kind = operator.overloadpacket
    if _waits(kind, args, kwargs, given, there):
        waits[_line()] += 1
    if "device" in kwargs:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    inner, options = tree_map_only(OnDevice, lambda t: t.data_in_memory, (args, kwargs))
    computed = operator(*inner, **options)
    if kind in _ASK_FOR_A_NUMBER or not there:
        return computed
    written = _written(operator, args, kwargs)
    return written if written is not None else tree_map_only(Tensor, OnDevice, computed)


def _waits(kind: Any, args: Any, kwargs: dict[str, Any], given: bool, there: bool) -> bool:
    if kind is _aten._to_copy:
        return given != there and not kwargs.get("non_blocking")
    if kind is _aten.copy_:
        across = isinstance(args[0], OnDevice) != isinstance(args[1], OnDevice)
        return across and not (kwargs.get("non_blocking") or (len(args) > 2 and args[2]))
    if kind is _aten.repeat_interleave:
        return kwargs.get("output_size") is None
    if kind in _INDEX or kind in _PUT:
        masked = any(t is not None and t.dtype in (torch.bool, torch.uint8) for t in args[1])
        # a mask with one number to put is what masked_fill is for
        return masked and not (kind in _PUT and args[2].ndim == 0)
    return given and (kind in _ASK_FOR_A_NUMBER or kind in _ASK_FOR_A_SIZE)


def _written(operator: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Return the argument that an operator writes to and returns, if it is such a one."""
    schema = operator._schema
    if len(schema.returns) != 1 or schema.returns[0].alias_info is None:
        return None
    for position, argument in enumerate(schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            return args[position] if position < len(args) else kwargs[argument.name]
    return None


def _line() -> str:
    frames = itertools.dropwhile(
        lambda frame: "/torch/" in frame.filename or frame.filename == __file__,
        reversed(traceback.extract_stack()),
    )
    frame = next(frames)
    path = Path(frame.filename)
    return f"{path.parent.name}/{path.name}:{frame.lineno}"
