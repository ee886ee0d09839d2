"""The settings that two configs do not share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

ABSENT = "(absent)"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield ``path: before -> after`` of each setting that two configs do not share."""
    for path, old, new in changes(before, after):
        yield f"{path}: {old} -> {new}"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the dotted path of each setting that two configs do not share, and both its values."""
    old, new = dict(_settings(before)), dict(_settings(after))
    for path in {**old, **new}:
        a, b = (repr(side[path]) if path in side else ABSENT for side in (old, new))
        if a != b:
            yield path, a, b


def _settings(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the settings with their dotted paths; a list of plain values is one of them."""
    items: Iterable[tuple[Any, Any]]
    if isinstance(part, Mapping) and part:
        items = part.items()
    elif isinstance(part, (list, tuple)) and any(isinstance(item, dict) for item in part):
        items = enumerate(part)
    else:
        yield path, part
        return
    for key, value in items:
        yield from _settings(value, f"{path}.{key}" if path else str(key))
