"""torch's compiler is imported when something is compiled."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmresnet.compat.imports.deferred import defer, import_now, is_deferred

_COMPILER = "torch._dynamo"
_UTILS = "torch._dynamo.utils"


def is_imported_in_any_case() -> bool:
    if _COMPILER in sys.modules:
        return False
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return False
    importing = Path(spec.origin).parent / "ops" / "roi_align.py"
    return importing.is_file() and f"from {_UTILS}" in importing.read_text(encoding="utf-8")


def import_when_compiling() -> None:
    """Let programs that compile nothing have what they call of ``torch._dynamo``, and no more."""
    defer(_COMPILER, {_COMPILER: _fill_package, _UTILS: _fill_utils})


def _fill_package(module: Any) -> None:
    module.disable, module.graph_break = _disable, _graph_break


def _fill_utils(module: Any) -> None:
    module.is_compile_supported = _is_compile_supported


def _disable(function: Callable[..., Any], recursive: bool = True, **options: Any) -> Any:
    """Return a function that is not compiled, as ``torch._dynamo.disable`` does."""
    disabled: list[Callable[..., Any]] = []

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not disabled:
            if is_deferred(_COMPILER):  # nothing is compiled
                return function(*args, **kwargs)
            disabled.append(import_now(_COMPILER).disable(function, recursive, **options))
        return disabled[0](*args, **kwargs)

    return call


def _graph_break(*args: Any, **kwargs: Any) -> None:
    if not is_deferred(_COMPILER):
        import_now(_COMPILER).graph_break(*args, **kwargs)


def _is_compile_supported(device_type: str) -> bool:
    return import_now(_COMPILER).utils.is_compile_supported(device_type)
