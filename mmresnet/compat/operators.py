"""A module in the place of ``mmcv._ext`` where mmcv is not compiled."""

import importlib.util
import sys
from collections.abc import Callable
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from mmresnet.errors import require

_NAME = "mmcv._ext"
Operator = Callable[..., Any]


def has_compiled_operators() -> bool:
    """Return whether the installed mmcv has a compiled ``mmcv._ext``.

    Raises:
        ImportError: mmcv is not installed.
    """
    require("mmcv", "Detection")
    module = sys.modules.get(_NAME)
    if module is not None:
        return not isinstance(module, Operators)
    return importlib.util.find_spec(_NAME) is not None


def provide(find: Callable[[str], Operator]) -> None:
    """Put a module there whose operators ``find`` returns by name; again, do nothing."""
    if _NAME not in sys.modules:
        module = importlib.util.module_from_spec(ModuleSpec(_NAME, _Loader(find)))
        sys.modules[_NAME] = module
        vars(sys.modules["mmcv"])["_ext"] = module
    # mmcv.cnn leaves a layer out if it is imported before there are operators, as by mmpretrain;
    # mmdet expects it there
    bricks: Any = sys.modules.get("mmcv.cnn.bricks.transformer")
    if bricks is not None and not hasattr(bricks, "MultiScaleDeformableAttention"):
        from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttention

        bricks.MultiScaleDeformableAttention = MultiScaleDeformableAttention


class Operators(ModuleType):
    """Finds an operator when mmcv asks for it."""

    find: Callable[[str], Operator]

    def __getattr__(self, name: str) -> Operator:
        if name.startswith("_"):
            raise AttributeError(f"{_NAME} has no {name}")
        function = self.find(name)
        setattr(self, name, function)
        return function


class _Loader(Loader):
    """mmcv and mmengine take operators for absent where the module's spec has no loader."""

    def __init__(self, find: Callable[[str], Operator]) -> None:
        self._find = find

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = Operators(spec.name, "mmcv's operators on torchvision's kernels (mmresnet.ops).")
        module.find = self._find
        return module

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run: operators are looked up one by one."""
