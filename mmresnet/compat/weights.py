"""mmengine's reading and loading of weights, led elsewhere."""

import functools
import inspect
from importlib import import_module
from typing import Any


def loads_by_name_alone() -> bool:
    from mmengine.runner import checkpoint

    source = inspect.getsource(checkpoint.load_state_dict)
    return "do not match exactly" in source and "print_log" in source


def route(module: str) -> None:
    """Let mmengine load weights by what ``module`` has, which is imported when first needed.

    It has ``read_checkpoint`` and ``load_state_dict``, which are given mmengine's own function of
    this purpose before its arguments, ``translated`` and ``Pretrained``.
    """
    from mmengine.model import BaseModule
    from mmengine.registry import WEIGHT_INITIALIZERS
    from mmengine.runner import checkpoint
    from mmengine.runner.checkpoint import CheckpointLoader
    from torch import nn

    def ours() -> Any:
        return import_module(module)

    upstream_read = CheckpointLoader.load_checkpoint

    def load_checkpoint(cls: type, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return ours().read_checkpoint(upstream_read, *args, **kwargs)

    upstream_load = checkpoint.load_state_dict

    @functools.wraps(upstream_load)
    def load_state_dict(module: Any, *args: Any, **kwargs: Any) -> None:
        ours().load_state_dict(upstream_load, module, *args, **kwargs)

    def load_state_dict_of_model(
        self: Any, state_dict: dict[str, Any], *args: Any, **kwargs: Any
    ) -> object:
        translated = ours().translated(self, state_dict)
        return nn.Module.load_state_dict(self, translated, *args, **kwargs)

    def pretrained(**settings: Any) -> Any:
        return ours().Pretrained(**settings)

    CheckpointLoader.load_checkpoint = classmethod(load_checkpoint)
    checkpoint.load_state_dict = load_state_dict
    BaseModule.load_state_dict = load_state_dict_of_model
    WEIGHT_INITIALIZERS.register_module(name="Pretrained", module=pretrained, force=True)
