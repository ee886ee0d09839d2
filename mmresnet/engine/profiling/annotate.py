"""Names in a trace for the parts of a training step."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.profiler import record_function

from mmresnet.engine.profiling.kinds import (
    BACKWARD,
    FORWARD,
    HEAD,
    LOSS,
    OPTIMIZER,
    PREPROCESSING,
)
from mmresnet.engine.watch.wrappers import optim_wrappers, without_wrapper

if TYPE_CHECKING:
    from mmengine.runner import Runner

_OF_HEADS = ("loss", "loss_and_predict")  # of mmpretrain's, mmdet's and mmsegmentation's


@contextmanager
def annotated(runner: Runner) -> Iterator[None]:
    """Name the parts of its training steps, and let them be without names afterwards."""
    model = without_wrapper(runner.model)
    parts: list[tuple[Any, str, str]] = [
        (getattr(model, "data_preprocessor", None), "forward", PREPROCESSING),
        (runner.model, "_run_forward", FORWARD),
        (model, "parse_losses", LOSS),
    ]
    for name, child in model.named_children():
        if "head" in name:
            parts += [(child, method, HEAD) for method in _OF_HEADS]
    for name, module in model.named_modules():
        if name.rpartition(".")[2].startswith("loss"):
            parts.append((module, "forward", LOSS))
    for _, wrapper in optim_wrappers(runner.optim_wrapper):
        parts.append((wrapper, "backward", BACKWARD))
        parts += [(wrapper, method, OPTIMIZER) for method in ("step", "zero_grad")]
    with ExitStack() as at_end:
        for owner, method, name in parts:
            if hasattr(owner, method):
                at_end.callback(_annotate(owner, method, name))
        yield


def _annotate(owner: Any, method: str, name: str) -> functools.partial[None]:
    """Record calls of a method by a name, and return what undoes it."""
    call, own = getattr(owner, method), vars(owner).get(method)

    @functools.wraps(call)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        with record_function(name):
            return call(*args, **kwargs)

    setattr(owner, method, recorded)
    return functools.partial(_restore, owner, method, own)


def _restore(owner: nn.Module, method: str, own: Any) -> None:
    if own is None:
        delattr(owner, method)
    else:
        setattr(owner, method, own)
