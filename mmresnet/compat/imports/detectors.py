"""Detectors are imported without mmpretrain."""

import importlib.util
import sys
from pathlib import Path


def imports_mmpretrain() -> bool:
    spec = importlib.util.find_spec("mmdet")
    if spec is None or spec.origin is None:
        return False
    importing = Path(spec.origin).with_name("models") / "reid" / "base_reid.py"
    return importing.is_file() and "import mmpretrain" in importing.read_text(encoding="utf-8")


def import_detectors() -> None:
    """Import ``mmdet.models``, but not mmpretrain, unless that has been imported before.

    Then mmdet's models of re-identification cannot be built in this process.
    """
    hide = "mmpretrain" not in sys.modules
    if hide:
        # importing it fails, as where it is not installed; typeshed does not know of None
        sys.modules["mmpretrain"] = None  # type: ignore[assignment]
    try:
        import mmdet.models  # noqa: F401
    finally:
        if hide:
            del sys.modules["mmpretrain"]
