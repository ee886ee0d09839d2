"""mmengine's ways of loading weights, led to :func:`mmresnet.weights.load.load_weights`.

:mod:`mmresnet.compat.weights` calls these in the place of mmengine's own.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, PretrainedInit, is_model_wrapper, update_init_info

from mmresnet.weights.checkpoint import read
from mmresnet.weights.fit import backbones
from mmresnet.weights.load import load_weights
from mmresnet.weights.names.match import translate
from mmresnet.weights.report import Report

if TYPE_CHECKING:
    from torch import nn


class Pretrained(PretrainedInit):
    """mmengine's initialization from a file, for a backbone of this package or a model around one.

    Args:
        checkpoint: Path, address or name; see :func:`mmresnet.weights.checkpoint.read`.
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
        log_report(report)
        if hasattr(module, "_params_init_info"):
            update_init_info(module, init_info=self._get_init_info())


def log_report(report: Report, logger: Any = None) -> None:
    """Log what was loaded, as a warning if something was not."""
    complete = report.complete and not report.replaced
    print_log(str(report), logger or "current", logging.INFO if complete else logging.WARNING)


def read_checkpoint(
    upstream: Callable[..., dict[str, Any]],
    filename: str,
    map_location: Any = None,
    logger: Any = "current",
) -> dict[str, Any]:
    """Read for mmengine's ``CheckpointLoader``; names of others are left to ``upstream``."""
    from mmresnet.weights.hub import catalogue

    scheme = filename.partition("://")[0] if "://" in filename else ""
    if scheme in ("", "http", "https", "hf") or catalogue.find(filename) is not None:
        print_log(f"Loads checkpoint {filename}", logger)
        return read(filename, map_location)
    return upstream(filename, map_location, logger)


def load_state_dict(
    upstream: Callable[..., None],
    module: Any,
    state_dict: dict[str, Any],
    strict: bool = False,
    logger: Any = None,
) -> None:
    """Load for mmengine's function of this name, which every loading of a checkpoint ends in.

    ``strict`` forbids any difference; that is ``upstream``'s.
    """
    while is_model_wrapper(module) or isinstance(module, BaseTTAModel):
        module = module.module
    if backbones(module) and not strict:
        log_report(load_weights(module, state_dict), logger)
    else:
        upstream(module, translated(module, state_dict), strict, logger)


def translated(model: nn.Module, state_dict: dict[str, Any]) -> dict[str, Any]:
    """Return the state dict with the model's names for the tensors of a ResNet."""
    prefixes = backbones(model)
    if prefixes:
        state_dict = copy.copy(state_dict)  # with its metadata
        translate(model.state_dict(), prefixes, state_dict)
    return state_dict
