"""Classifiers are imported without mmdet."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

_UTILS = "mmpretrain.models.utils"
_OF_DETECTORS = f"{_UTILS}.res_layer_extra_norm"
_EMPTY = ModuleType(_OF_DETECTORS, "What the module has where mmdet is not installed.")
_EMPTY.ResLayerExtraNorm = None  # type: ignore[attr-defined]


def imports_mmdet() -> bool:
    spec = importlib.util.find_spec("mmpretrain")
    if spec is None or spec.origin is None:
        return False
    importing = Path(spec.origin).parent / "models" / "utils" / "res_layer_extra_norm.py"
    return importing.is_file() and "from mmdet" in importing.read_text(encoding="utf-8")


def leave_mmdet_out() -> None:
    """Let ``mmpretrain.models`` be imported without mmdet, unless either has been before."""
    if "mmdet" not in sys.modules:
        sys.modules.setdefault(_OF_DETECTORS, _EMPTY)


def take_mmdet_in() -> None:
    """Give mmpretrain what :func:`leave_mmdet_out` has kept from it."""
    if sys.modules.get(_OF_DETECTORS) is not _EMPTY:
        return
    del sys.modules[_OF_DETECTORS]
    if utils := sys.modules.get(_UTILS):
        found = importlib.import_module(_OF_DETECTORS).ResLayerExtraNorm
        utils.ResLayerExtraNorm = found  # type: ignore[attr-defined]
