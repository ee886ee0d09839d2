"""Classifiers are imported without transformers."""

import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmresnet.errors import UserError

# those that ask whether transformers is installed, and the one that hands their names on
_ASKING = (
    "mmpretrain.models.utils",
    "mmpretrain.models.multimodal",
    "mmpretrain.models",
    "mmpretrain.datasets",
)
_placeholders: list[tuple[Any, str, Callable[..., Any]]] = []


def imports_transformers() -> bool:
    spec = importlib.util.find_spec("mmpretrain")
    if spec is None or spec.origin is None or importlib.util.find_spec("transformers") is None:
        return False
    importing = Path(spec.origin).parent / "models" / "multimodal" / "__init__.py"
    return importing.is_file() and "if WITH_MULTIMODAL" in importing.read_text(encoding="utf-8")


def leave_multimodal_out() -> None:
    """Let mmpretrain's parts that need transformers be imported when one of them is built.

    Nothing changes if mmpretrain's models or data sets have been imported before.
    """
    if any(name in sys.modules for name in _ASKING):
        return
    from mmpretrain.utils import dependency

    dependency.WITH_MULTIMODAL = False
    dependency.register_multimodal_placeholder = _register


def _register(names: Sequence[str], registry: Any) -> None:
    """Stand for mmpretrain's function, whose placeholders say that transformers is missing."""
    for name in names:
        placeholder = _placeholder(name, registry)
        registry.register_module(name=name, module=placeholder)
        _placeholders.append((registry, name, placeholder))


def _placeholder(name: str, registry: Any) -> Callable[..., Any]:
    def build(**kwargs: Any) -> Any:
        _take_multimodal_in()
        return registry.build({"type": name, **kwargs})

    return build


def _take_multimodal_in() -> None:
    """Import what was left out.

    Raises:
        UserError: mmpretrain does not know this release of transformers.
    """
    from mmpretrain.utils import dependency

    for registry, name, placeholder in _placeholders:
        if registry.module_dict.get(name) is placeholder:
            del registry.module_dict[name]
    _placeholders.clear()
    dependency.WITH_MULTIMODAL = True
    try:
        for name in _ASKING:
            if name in sys.modules:
                importlib.reload(sys.modules[name])
    except (ImportError, TypeError) as error:
        raise UserError(
            "mmpretrain cannot import its models of images and text beside transformers "
            f"{importlib.metadata.version('transformers')} ({error}): pip install "
            "'transformers<4.57', in a new process."
        ) from error
