"""The fast way to compute that a device has, chosen once for each run.

Convolutions get their inputs channels-last in every run (:mod:`mmresnet.engine.runner`), and the
optimizer updates all parameters in one pass. 16 bits are used where the device computes in them
natively: weights, the optimizer's state, losses, boxes and scores stay in float32.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mmresnet.config.walk import type_name
from mmresnet.errors import UserError, did_you_mean
from mmresnet.processor import native_bfloat16

if TYPE_CHECKING:
    import torch
    from mmengine.config import Config

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
_PLAIN = ("", "OptimWrapper")
_FUSED = ("SGD", "Adam", "AdamW")  # of torch
_IMPLEMENTATIONS = ("fused", "foreach", "differentiable", "capturable")


def choose_precision(device: str, precision: str = "auto", amp: bool = False) -> torch.dtype | None:
    """Return the 16-bit type to compute in, or None for float32.

    Args:
        device: "cpu" or "cuda".
        precision: One of :data:`PRECISIONS`. "auto" is bfloat16 on CPUs and GPUs that compute in
            it natively, float16 on other GPUs with tensor cores, and float32 elsewhere.
        amp: 16 bits also where they are not native.

    Raises:
        UserError: Another precision, or float32 together with ``amp``.
    """
    import torch

    if precision not in PRECISIONS:
        raise UserError(
            f"precision is {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}, not {precision!r}."
            f"{did_you_mean(str(precision), PRECISIONS)}"
        )
    if precision == "float32":
        if amp:
            raise UserError("--amp computes in 16 bits, and --precision float32 does not.")
        return None
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float16
    if device == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16
        return torch.float16 if amp or torch.cuda.get_device_capability() >= (7, 0) else None
    return torch.bfloat16 if amp or native_bfloat16() else None


def configure_training(cfg: Config, device: str, precision: str | None, amp: bool) -> None:
    """Set up ``cfg`` to train in a precision; validation is in float32, or as its loop says.

    An ``optim_wrapper`` that has a type is left as it is, unless its type is mmengine's own or
    ``AmpOptimWrapper`` and a precision is given.

    Args:
        precision: One of :data:`PRECISIONS`; None is the setting ``precision`` of the config, or
            else "auto".

    Raises:
        UserError: As :func:`choose_precision`, or a precision is given to an ``optim_wrapper`` of
            another type.
    """
    precision = precision or cfg.get("precision")
    dtype = choose_precision(device, precision or "auto", amp)
    wrapper = cfg.get("optim_wrapper")
    if not isinstance(wrapper, dict):
        return
    kind = type_name(wrapper)
    if kind in _PLAIN or (kind == "AmpOptimWrapper" and precision):
        _set_wrapper(wrapper, dtype, named=precision not in (None, "auto"))
    elif kind != "AmpOptimWrapper" and (amp or precision not in (None, "auto")):
        raise UserError(
            f"optim_wrapper.type={wrapper['type']} chooses its precision itself: leave --precision "
            "and --amp out, or remove the type."
        )
    _fuse(wrapper.get("optimizer"))


@contextlib.contextmanager
def autocast_tests(cfg: Config, device: str, precision: str | None, amp: bool) -> Iterator[None]:
    """Set up ``cfg`` to test in a precision, by default in float32, as figures are published.

    mmengine's loop does not name the type of its autocast: on a GPU it is set for the time being.

    Raises:
        UserError: As :func:`choose_precision`.
    """
    import torch

    if precision is None and not amp:
        yield
        return
    dtype = choose_precision(device, precision or "auto", amp)
    cfg.test_cfg["fp16"] = dtype is not None
    if dtype is None or device == "cpu":  # where mmengine takes bfloat16
        yield
        return
    before = torch.get_autocast_dtype(device)
    torch.set_autocast_dtype(device, dtype)
    try:
        yield
    finally:
        torch.set_autocast_dtype(device, before)


def _set_wrapper(wrapper: dict[str, Any], dtype: torch.dtype | None, named: bool) -> None:
    if dtype is None:
        wrapper["type"] = "OptimWrapper"
        wrapper.pop("dtype", None)
        wrapper.pop("loss_scale", None)
        return
    wrapper["type"] = "mmresnet.AmpOptimWrapper"
    if named:
        wrapper["dtype"] = str(dtype).removeprefix("torch.")


def _fuse(optimizer: Any) -> None:
    """Let an optimizer of torch update all parameters in one pass, unless it says how."""
    if not isinstance(optimizer, dict) or optimizer.get("type") not in _FUSED:
        return
    if not any(key in optimizer for key in _IMPLEMENTATIONS):
        optimizer["fused"] = True
