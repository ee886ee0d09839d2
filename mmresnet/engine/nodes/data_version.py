"""What tells one version of a data set from another, without reading its images."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sized
from typing import Any

_SAMPLES, _FILES = 4096, 64  # that are looked at, at equal distances


def describe(dataset: Any, root: str | None = None) -> dict[str, Any]:
    """Return the number of samples, the classes, and digests of samples and of sizes of files.

    Args:
        dataset: Of any kind. One whose samples cannot be asked for without loading images has a
            number of samples alone.
        root: The folder of the data, which may be another one on another machine.
    """
    while not hasattr(dataset, "get_data_info") and hasattr(dataset, "dataset"):
        dataset = dataset.dataset
    number = len(dataset) if isinstance(dataset, Sized) else None
    found: dict[str, Any] = {"number of samples": number}
    classes = (getattr(dataset, "metainfo", None) or {}).get("classes")
    if classes is not None:
        found["classes"] = _digest([str(name) for name in classes])
    if number and hasattr(dataset, "get_data_info"):
        samples = [dataset.get_data_info(i) for i in _spread(number, _SAMPLES)]
        found["annotations"] = _digest([_text(one, root) for one in samples])
        paths = [str(one.get("img_path")) for one in samples if isinstance(one, dict)]
        sizes = [_size(paths[i]) for i in _spread(len(paths), _FILES)]
        found["sizes of image files"] = _digest([str(size) for size in sizes])
    return found


def _spread(number: int, most: int) -> list[int]:
    """Return at most so many indices, at equal distances, the first and the last among them."""
    if number <= most:
        return list(range(number))
    return [i * (number - 1) // (most - 1) for i in range(most)]


def _text(sample: Any, root: str | None) -> str:
    text = re.sub(r" at 0x[0-9a-f]+", "", repr(sample))
    return text.replace(root.rstrip("/"), "") if root else text


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # it lies elsewhere than in a file system
        return -1


def _digest(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogateescape")).hexdigest()[:12]
