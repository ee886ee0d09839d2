"""Compiling the backbone of a training by torch.compile, by default where that pays."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from mmresnet.engine.watch.wrappers import without_wrapper
from mmresnet.errors import UserError
from mmresnet.models.backbones.blocks import ResidualBlock
from mmresnet.models.backbones.residual_net import ResidualNet

if TYPE_CHECKING:
    from mmengine.runner import Runner
    from torch import nn

# Of a training for which the minutes of compiling are little. A time that was measured would let
# two runs of one config differ.
MIN_STEPS = 10_000
MAX_BLOCKS = 54  # of ResNet-110; compiling ResNet-1202 takes hours


def compile_backbone(runner: Runner) -> None:
    """Let the steps of a training compute the backbone by compiled code, as its config says.

    Its tensors keep their names. Without gradients, and so in validation, it is computed as ever.

    Raises:
        UserError: ``compile`` is none of "auto", True, False and keywords of torch.compile.
    """
    settings = settings_for(runner)
    if settings is None:
        return
    try:
        compile_steps(without_wrapper(runner.model).backbone, **settings)
    except (TypeError, RuntimeError) as error:  # an unknown backend is the latter
        raise UserError(
            f"compile is 'auto', True, False or keywords of torch.compile, such as "
            f"dict(dynamic=True), not {runner.cfg.compile!r}: {str(error).strip().splitlines()[0]}."
        ) from error


def compile_steps(backbone: Any, **settings: Any) -> None:
    """Let a module be computed by compiled code wherever gradients are recorded."""
    compiled = torch.compile(backbone._call_impl, **settings)

    def call(*args: Any, **kwargs: Any) -> Any:
        steps = compiled if torch.is_grad_enabled() else backbone._call_impl
        return steps(*args, **kwargs)

    backbone._compiled_call_impl = call


def settings_for(runner: Runner) -> Mapping[str, Any] | None:
    """Return the keywords of torch.compile for the backbone of a training; None: not compiled.

    "auto", the default, compiles a classifier's ResNet of at most 152 layers, or CIFAR's of 110, on
    a CPU with a C++ compiler, for trainings of at least 10,000 steps without logical shards.
    """
    setting = runner.cfg.get("compile", "auto")
    model = without_wrapper(runner.model)
    if not setting:
        return None
    if setting == "auto":
        with_cp = runner.cfg.model.get("backbone", {}).get("with_cp")
        pays = runner.train_loop.max_iters >= MIN_STEPS and not with_cp and _gains(model)
        pays = pays and not runner.cfg.get("logical_shards")  # whose bits were not compared so
        return {"dynamic": False} if pays and can_compile() else None
    if setting is True:
        return {}
    if not isinstance(setting, Mapping):
        raise UserError(
            f"compile is 'auto', True, False or keywords of torch.compile, not {setting!r}."
        )
    return setting


def _gains(model: nn.Module) -> bool:
    backbone = model.get_submodule("backbone")
    if not isinstance(backbone, ResidualNet) or hasattr(model, "rpn_head"):
        return False  # images of detectors differ in size
    blocks = [block for block in backbone.modules() if isinstance(block, ResidualBlock)]
    on_cpu = all(parameter.device.type == "cpu" for parameter in backbone.parameters())
    return on_cpu and len(blocks) <= MAX_BLOCKS


@functools.cache
def can_compile() -> bool:
    """Return whether torch.compile works here: it needs a C++ compiler and Python's headers."""
    try:
        torch.compile(torch.neg, dynamic=False)(torch.ones(8))
    except Exception:  # of many kinds, by the version of torch
        return False
    return True
