"""Stand in for ``mmcv._ext`` where mmcv is not compiled."""

import importlib.util
import sys
from collections.abc import Callable
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType

from mmresnet.errors import require
from mmresnet.ops import table

_NAME = "mmcv._ext"


def has_compiled_operators() -> bool:
    """Whether the installed mmcv brings its own ``mmcv._ext``.

    Raises:
        ImportError: mmcv is not installed.
    """
    require("mmcv", "Detection")
    module = sys.modules.get(_NAME)
    if module is not None:
        return not isinstance(module, Operators)
    return importlib.util.find_spec(_NAME) is not None


def install() -> bool:
    """Give mmcv the operators it lacks; return whether the stand-in is in use.

    Calling it again does nothing; a compiled mmcv is left alone.

    Raises:
        ImportError: mmcv is not installed.
    """
    if has_compiled_operators():
        return False
    if _NAME not in sys.modules:
        module = importlib.util.module_from_spec(ModuleSpec(_NAME, _StandInLoader()))
        sys.modules[_NAME] = module
        sys.modules["mmcv"]._ext = module
    _mend_earlier_import()
    return True


def _mend_earlier_import() -> None:
    """Give mmcv.cnn the layer that it left out if it was imported before there were operators.

    mmdet asks for it there; mmpretrain's models, which import mmcv.cnn, can well come before mmdet.
    """
    bricks = sys.modules.get("mmcv.cnn.bricks.transformer")
    if bricks is not None and not hasattr(bricks, "MultiScaleDeformableAttention"):
        from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttention

        bricks.MultiScaleDeformableAttention = MultiScaleDeformableAttention


class Operators(ModuleType):
    """The stand-in: finds an operator in the table when mmcv asks for it."""

    def __getattr__(self, name: str) -> Callable:
        if name.startswith("_"):
            raise AttributeError(f"{_NAME} has no {name}")
        function = table.operator(name)
        setattr(self, name, function)
        return function


class _StandInLoader(Loader):
    """mmcv and mmengine take operators for absent where the module's spec has no loader."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Operators(spec.name, "mmcv's operators on torchvision's kernels (mmresnet.ops).")

    def exec_module(self, module: ModuleType) -> None:
        """The operators are looked up one by one; there is nothing to run."""
