"""Functions of mmdet as they are without the edits of ``mmresnet.compat.waiting``."""

import contextlib
import importlib
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import mmdet.models  # noqa: F401
import torch
from mmdet.structures.bbox import BaseBoxes

from mmresnet import compat
from mmresnet.compat.waiting import EDITS
from mmresnet.compat.waiting.edit import Edit

compat.apply(compat.WAITING)


def edited(edit: Edit) -> FunctionType:
    return attrgetter(edit.function)(importlib.import_module(edit.module))


def upstream_code(edit: Edit) -> CodeType:
    """Return what the file of an installed package has."""
    path = Path(importlib.import_module(edit.module).__file__)
    code = compile(path.read_text(), str(path), "exec", dont_inherit=True)
    for name in edit.function.split("."):
        inner = (part for part in code.co_consts if isinstance(part, CodeType))
        code = next(part for part in inner if part.co_name == name)
    return code


UPSTREAM = {edit: upstream_code(edit) for edit in EDITS}


@contextlib.contextmanager
def as_upstream() -> Iterator[None]:
    """Undo the edits inside."""
    before = {edit: edited(edit).__code__ for edit in EDITS}
    try:
        for edit, code in UPSTREAM.items():
            edited(edit).__code__ = code
        yield
    finally:
        for edit, code in before.items():
            edited(edit).__code__ = code


def assert_same_bits(compute: Callable[[], Any]) -> Any:
    """Assert that ``compute`` returns and draws the same with the edits and without; return it."""
    with as_upstream():
        torch.manual_seed(0)
        expected = compute(), torch.get_rng_state()
    torch.manual_seed(0)
    found = compute(), torch.get_rng_state()
    assert_equal(found, expected)
    return found[0]


def assert_equal(found: Any, expected: Any, path: str = "result") -> None:
    assert type(found) is type(expected), path
    if isinstance(found, torch.Tensor):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), path
        assert found.requires_grad == expected.requires_grad, path
        assert torch.allclose(found, expected, rtol=0, atol=0, equal_nan=True), path
    elif isinstance(found, BaseBoxes):
        assert_equal(found.tensor, expected.tensor, path)
    elif isinstance(found, dict):
        assert found.keys() == expected.keys(), path
        for key in found:
            assert_equal(found[key], expected[key], f"{path}.{key}")
    elif isinstance(found, list | tuple):
        assert len(found) == len(expected), path
        for index, pair in enumerate(zip(found, expected, strict=True)):
            assert_equal(*pair, f"{path}[{index}]")
    elif hasattr(found, "__dict__"):
        assert_equal(vars(found), vars(expected), path)
    else:
        assert found == expected, path


def with_gradients(value: Any, *inputs: torch.Tensor) -> tuple[Any, ...]:
    """Return a value, and the gradients of the sum of its numbers."""
    parts = value.values() if isinstance(value, dict) else [value]
    total = sum(part.float().sum() for part in parts if part.requires_grad)
    if not isinstance(total, torch.Tensor):
        return (value,)
    return value, torch.autograd.grad(total, inputs, allow_unused=True)


def boxes(count: int, size: float = 100.0) -> torch.Tensor:
    """Return random boxes, (count, 4), of which some have no area and some are equal."""
    corner = torch.rand(count, 2) * size
    made = torch.cat([corner, corner + torch.rand(count, 2).sub(0.05).clamp(min=0) * size / 2], 1)
    if count > 3:
        made[1] = made[0]
    return made.round() if count % 2 else made
