"""Where weights enter in mmengine: there they are recognised, and there they are counted.

mmengine loads what bears the model's names, warns of the rest in the log, and goes on.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from mmengine.logging import print_log
from mmengine.model import PretrainedInit, is_model_wrapper, update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import checkpoint
from mmengine.runner.checkpoint import CheckpointLoader

from mmresnet.weights.sources import SCHEMES

if TYPE_CHECKING:
    from torch import nn

_FROM_FILES = ("", *SCHEMES)


class Pretrained(PretrainedInit):
    """mmengine's initialization from a file, which counts what a backbone of ours gets.

    Args:
        checkpoint: Path, address or name; see :func:`mmresnet.weights.sources.read`.
        prefix: What the names of the wanted part begin with; needless for a ResNet's own.
        map_location: The device that the file is read to.
        allow_partial: Fewer than all of the backbone's tensors will do.
    """

    def __init__(
        self,
        checkpoint: str,
        prefix: str | None = None,
        map_location: str = "cpu",
        allow_partial: bool = False,
    ) -> None:
        super().__init__(checkpoint, prefix, map_location)
        self.allow_partial = allow_partial

    def __call__(self, module: nn.Module) -> None:
        """Load the weights.

        Raises:
            mmresnet.errors.UserError: They cannot be had, or would fill only a part of it.
        """
        from mmresnet.weights.load import load_weights
        from mmresnet.weights.names.match import backbones

        if not backbones(module):
            super().__call__(module)
            return
        report = load_weights(
            module,
            self.checkpoint,
            allow_partial=self.allow_partial,
            prefix=self.prefix,
            map_location=self.map_location,
        )
        print_log(str(report), logger="current")
        if hasattr(module, "_params_init_info"):
            update_init_info(module, init_info=self._get_init_info())


def install() -> None:
    """Let mmengine read weights by every name, and count them; calling it again does nothing."""
    if WEIGHT_INITIALIZERS.get("Pretrained") is Pretrained:
        return
    WEIGHT_INITIALIZERS.register_module(name="Pretrained", module=Pretrained, force=True)
    for scheme in _FROM_FILES:
        CheckpointLoader.register_scheme(
            scheme, _reader(CheckpointLoader._schemes.get(scheme)), force=True
        )
    checkpoint.load_state_dict = _counting(checkpoint.load_state_dict)


def _reader(upstream: Any) -> Any:
    """Return a reader of checkpoints; names that it does not know go to mmengine's."""

    def load(filename: str, map_location: Any = None, **kwargs: Any) -> dict:
        from mmresnet.weights.hub import catalogue
        from mmresnet.weights.sources import read

        named = "://" in filename and not filename.startswith(("http", "hf://"))
        if named and upstream is not None and catalogue.find(filename) is None:
            return upstream(filename, map_location, **kwargs)
        return read(filename, map_location)

    return load


def _counting(upstream: Any) -> Any:
    """Return mmengine's ``load_state_dict`` (a Runner's ``load_from``, a test) that counts.

    mmengine calls it by this name wherever a checkpoint is loaded, and has no hook there that
    knows both the model and the checkpoint. ``strict`` forbids any difference: that is upstream's.
    """

    @functools.wraps(upstream)
    def load_state_dict(
        module: nn.Module, state_dict: dict, strict: bool = False, logger: Any = None
    ) -> None:
        from mmengine.model import BaseTTAModel

        from mmresnet.weights.load import load_weights
        from mmresnet.weights.names.match import backbones

        while is_model_wrapper(module) or isinstance(module, BaseTTAModel):
            module = module.module
        if backbones(module) and not strict:
            report = load_weights(module, state_dict)
            level = logging.INFO if report.complete and not report.replaced else logging.WARNING
            print_log(str(report), logger=logger or "current", level=level)
        else:
            upstream(module, state_dict, strict, logger)

    return load_state_dict
