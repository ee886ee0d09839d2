"""Mixed precision on the CPU and on GPUs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmresnet.errors import UserValueError, did_you_mean
from mmresnet.registry import OPTIM_WRAPPERS

_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@OPTIM_WRAPPERS.register_module()
class AmpOptimWrapper(OptimWrapper):
    """Train in mixed precision: weights are float32, most of the computation has 16 bits.

    mmengine's wrapper of this name does not support the CPU. This one has the same state dict, so
    that a run started with either can be resumed with the other. Evaluation is in float32.

    Args:
        loss_scale: for float16, whose range is too narrow for small gradients: "dynamic", a
            fixed factor, or keywords of ``torch.amp.GradScaler``. bfloat16 has the range of
            float32 and is not scaled.
        dtype: "bfloat16" or "float16" (or torch's); by default that of :func:`choose_dtype`.
        kwargs: those of ``mmengine.optim.OptimWrapper``: optimizer, clip_grad,
            accumulative_counts.

    Raises:
        ValueError: ``dtype`` or ``loss_scale`` is invalid, or a scale is given with
            ``dtype="bfloat16"``, where it would have no effect.
    """

    def __init__(
        self,
        loss_scale: str | float | dict[str, Any] = "dynamic",
        dtype: str | torch.dtype | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.device_type = self.optimizer.param_groups[0]["params"][0].device.type
        self.dtype = choose_dtype(self.device_type, _has_bfloat16(), dtype)
        scaling = _scaler_keywords(loss_scale)
        if dtype is not None and self.dtype == torch.bfloat16 and scaling:
            raise UserValueError(
                f"loss_scale={loss_scale!r} has no effect with dtype='bfloat16', which is not "
                "scaled: leave it out, or give dtype='float16'."
            )
        self.fixed_scale = None if isinstance(loss_scale, (str, dict)) else float(loss_scale)
        self.loss_scaler = None
        if self.dtype == torch.float16:
            self.loss_scaler = torch.amp.GradScaler(self.device_type, **scaling)

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Add the gradients of ``loss``, a scalar, to those of the parameters."""
        scaled = self.loss_scaler.scale(loss) if self.loss_scaler else loss
        super().backward(scaled, **kwargs)

    def step(self, **kwargs: Any) -> None:
        """Update the parameters; with loss scaling, unless a gradient is infinite or NaN."""
        if self.loss_scaler is None:
            super().step(**kwargs)
            return
        if self.clip_grad_kwargs:
            self.loss_scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update(self.fixed_scale)

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer's state, with the scaler's under ``loss_scaler``."""
        state = super().state_dict()
        if self.loss_scaler is not None:
            state["loss_scaler"] = self.loss_scaler.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the state of this wrapper, of mmengine's, or of one in float32.

        The scale is restored if both have one; otherwise it keeps its initial value.
        """
        state = dict(state_dict)
        scaler_state = state.pop("loss_scaler", None)
        if self.loss_scaler is not None and scaler_state:
            self.loss_scaler.load_state_dict(scaler_state)
        super().load_state_dict(state)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Compute in 16 bits, and do not synchronize gradients while they are accumulated."""
        with super().optim_context(model), torch.autocast(self.device_type, dtype=self.dtype):
            yield


def choose_dtype(
    device_type: str, has_bfloat16: bool, dtype: str | torch.dtype | None = None
) -> torch.dtype:
    """Return the dtype to compute in: ``dtype`` if given, else bfloat16 where it is native.

    Args:
        device_type: "cpu", "cuda", …
        has_bfloat16: whether the GPU computes in bfloat16 without emulation. A CPU always uses
            bfloat16: float16 would need loss scaling and is not faster.

    Raises:
        ValueError: ``dtype`` is neither bfloat16 nor float16.
    """
    if dtype is None:
        return torch.bfloat16 if device_type == "cpu" or has_bfloat16 else torch.float16
    name = str(dtype).removeprefix("torch.")
    if name not in _DTYPES:
        raise UserValueError(
            f"Mixed precision computes in {' or '.join(_DTYPES)}, not '{name}'."
            f"{did_you_mean(name, _DTYPES)} For float32, use type='OptimWrapper'."
        )
    return _DTYPES[name]


def _has_bfloat16() -> bool:
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)


def _scaler_keywords(loss_scale: str | float | dict[str, Any]) -> dict[str, Any]:
    if loss_scale == "dynamic":
        return {}
    if isinstance(loss_scale, dict):
        return loss_scale
    if isinstance(loss_scale, (int, float)) and loss_scale is not True and loss_scale > 0:
        return {"init_scale": float(loss_scale)}
    raise UserValueError(
        f"loss_scale={loss_scale!r} must be 'dynamic', a positive number, or a dict of "
        "torch.amp.GradScaler's keywords."
    )
