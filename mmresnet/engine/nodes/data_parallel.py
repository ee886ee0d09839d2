"""Data parallelism whose gradients may travel in 16 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmengine.model import MMDistributedDataParallel
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks

from mmresnet.errors import UserValueError, did_you_mean
from mmresnet.registry import MODEL_WRAPPERS

if TYPE_CHECKING:
    from torch import nn

_HOOKS = {
    "bfloat16": default_hooks.bf16_compress_hook,
    "float16": default_hooks.fp16_compress_hook,
}


@MODEL_WRAPPERS.register_module()
class DistributedDataParallel(MMDistributedDataParallel):
    """mmengine's wrapper, with torch's compression of the gradients on their way.

    Gradients are divided by the number of processes, rounded, added in 16 bits, and the sum is
    rounded as well. That is half the bytes, and other numbers than without.

    Args:
        module: The model.
        gradient_compression: "bfloat16", "float16" or None.
        broadcast_buffers: Whether the buffers of the first process, such as BatchNorm's
            statistics, replace those of the others before each step.
        kwargs: Those of ``torch.nn.parallel.DistributedDataParallel``, such as ``bucket_cap_mb``.

    Raises:
        UserValueError: There is no such compression.
    """

    def __init__(
        self,
        module: nn.Module,
        gradient_compression: str | None = None,
        broadcast_buffers: bool = False,
        **kwargs: Any,
    ) -> None:
        if gradient_compression is not None and gradient_compression not in _HOOKS:
            raise UserValueError(
                f"gradient_compression takes {', '.join(_HOOKS)} or None, not "
                f"'{gradient_compression}'.{did_you_mean(gradient_compression, _HOOKS)}"
            )
        super().__init__(module, broadcast_buffers=broadcast_buffers, **kwargs)
        if gradient_compression is not None:
            self.register_comm_hook(None, _HOOKS[gradient_compression])
