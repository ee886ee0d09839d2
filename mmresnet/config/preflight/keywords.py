"""Which keywords a class or function accepts."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any

from torch import nn

from mmresnet.compat.imports.deferred import ClassOf

_ENDS = (object, nn.Module)  # torch's has **kwargs, and accepts none


@cache
def keywords(kind: Callable[..., Any]) -> tuple[frozenset[str], bool]:
    """Return the keywords that ``kind`` names, and whether it accepts no others.

    A constructor that passes its ``**kwargs`` on to its base, and uses them for nothing else,
    accepts what the base does. One that uses them otherwise may accept anything.
    """
    if isinstance(kind, ClassOf):
        kind = kind.real()
    if not inspect.isclass(kind):
        return _of_function(kind)
    named: set[str] = set()
    for base in kind.__mro__:
        if base in _ENDS:
            break
        if "__init__" not in vars(base):
            continue
        init = vars(base)["__init__"]
        own, closed = _of_function(init)
        named |= own
        if closed:
            break
        if not _passes_on(init, base.__name__):
            return frozenset(named - {"self"}), False
    return frozenset(named - {"self"}), True


def _of_function(function: Callable[..., Any]) -> tuple[frozenset[str], bool]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # built into Python, without a signature
        return frozenset(), False
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    named = frozenset(one.name for one in parameters if one.kind not in variable)
    return named, all(one.kind is not one.VAR_KEYWORD for one in parameters)


def _passes_on(init: Callable[..., Any], owner: str) -> bool:
    """Return whether a constructor uses its ``**kwargs`` in the call of its next base alone."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(init)))
    except (OSError, TypeError, SyntaxError):
        return False
    function = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    if function.args.kwarg is None:
        return False
    name = function.args.kwarg.arg
    used = [n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == name]
    calls = [n for n in ast.walk(function) if isinstance(n, ast.Call) and _is_super(n, owner)]
    passed = [one.value for call in calls for one in call.keywords if one.arg is None]
    return bool(used) and all(node in passed for node in used)


def _is_super(call: ast.Call, owner: str) -> bool:
    """Return whether this is ``super().__init__(…)``, of the next class and no later one."""
    function = ast.unparse(call.func)
    return function in ("super().__init__", f"super({owner}, self).__init__")
