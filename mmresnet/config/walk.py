"""The one walk over the parts of a config."""

from collections.abc import Iterator
from typing import Any

Keys = tuple[str | int, ...]


def walk(part: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield every value in nested dicts, lists and tuples with its keys, the outer ones first."""
    if hasattr(part, "items"):
        items = list(part.items())
    else:
        items = list(enumerate(part)) if isinstance(part, (list, tuple)) else []
    for key, value in items:
        yield (*keys, key), value
        yield from walk(value, (*keys, key))


def parts(part: Any, *keys: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every dict in ``part``, itself included, with its path, which begins with ``keys``."""
    if isinstance(part, dict):
        yield dotted(keys), part
    for place, value in walk(part, keys):
        if isinstance(value, dict):
            yield dotted(place), value


def put(part: Any, keys: Keys, value: Any) -> Any:
    """Return ``part`` with ``value`` at ``keys``; dicts and lists are changed in place."""
    key, *rest = keys
    value = put(part[key], tuple(rest), value) if rest else value
    if isinstance(part, tuple) and isinstance(key, int):
        return (*part[:key], value, *part[key + 1 :])
    part[key] = value
    return part


def dotted(keys: Keys) -> str:
    """Return the path of a setting, as the command line takes it."""
    return ".".join(map(str, keys))


def type_name(part: Any) -> str:
    """Return the name of the class in ``part["type"]``, without its scope."""
    kind = part.get("type", "") if isinstance(part, dict) else type(part)
    name = kind if isinstance(kind, str) else getattr(kind, "__name__", "")
    return name.rpartition(".")[2]
