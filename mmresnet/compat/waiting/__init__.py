"""Detectors wait for the GPU less often: some of mmdet's lines ask it for a number needlessly.

While the CPU waits it launches nothing, and then the GPU waits. A line waits that asks for a number
or a size (``if mask.any()``, an index that is a mask), or that copies between the GPU and memory.
:mod:`mmresnet.compat.waiting.targets` and :mod:`mmresnet.compat.waiting.boxes` list such lines, and
those that compute the same bits in their place.

Functions are edited rather than replaced, so that a reader sees what differs, and so that every
module that has imported one, and every subclass, calls the edited one.
"""

import importlib
import importlib.util
import inspect
import linecache
import textwrap
from operator import attrgetter
from pathlib import Path
from types import CodeType, FunctionType

from mmresnet.compat.waiting.boxes import BOXES
from mmresnet.compat.waiting.edit import Edit
from mmresnet.compat.waiting.targets import TARGETS

EDITS: tuple[Edit, ...] = (*TARGETS, *BOXES)


def waits_needlessly() -> bool:
    """Return whether mmdet's source has a line that is listed; nothing is imported."""
    return any(map(_is_in_source, EDITS))


def wait_less() -> None:
    """Edit what is listed. A function with other lines than those listed is left alone."""
    for edit in EDITS:
        edit_function(attrgetter(edit.function)(importlib.import_module(edit.module)), edit)


def edit_function(function: FunctionType, edit: Edit) -> None:
    """Edit a function in place; tracebacks show its new lines."""
    lines, first = inspect.getsourcelines(function)
    source = edit.of("".join(lines))
    if source is None:
        return
    source = "\n" * (first - 1) + textwrap.dedent(source)
    name = f"{inspect.getfile(function)} ({edit.function}, edited by mmresnet.compat)"
    module = compile(source, name, "exec", dont_inherit=True)
    codes = (constant for constant in module.co_consts if isinstance(constant, CodeType))
    function.__code__ = next(code for code in codes if code.co_name == function.__name__)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def _is_in_source(edit: Edit) -> bool:
    package, _, inner = edit.module.partition(".")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return False
    path = Path(spec.origin).parent.joinpath(*inner.split(".")).with_suffix(".py")
    return path.is_file() and edit.is_for(path.read_text(encoding="utf-8"))
