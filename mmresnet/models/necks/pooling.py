"""Global pooling of each feature map: ``(N, C, H, W) -> (N, C)``."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmresnet.errors import UserTypeError, UserValueError
from mmresnet.registry import MODELS

Features = Tensor | tuple[Any, ...]


def _pool_each(pool: Callable[[Tensor], Tensor], feats: Features, ndim: int, name: str) -> Features:
    """Apply ``pool`` to a tensor, or to each tensor of a tuple; the result has the same type."""
    if isinstance(feats, tuple | list):
        return tuple(_pool_each(pool, feat, ndim, name) for feat in feats)
    if not isinstance(feats, Tensor):
        raise UserTypeError(
            f"{name} takes a tensor or a tuple of tensors, but got {type(feats).__name__}."
        )
    if feats.ndim != ndim:
        # torch would treat a tensor with one dimension less as a single sample.
        raise UserValueError(
            f"{name} takes features of {ndim} dimensions (N, C and {ndim - 2} more), but got "
            f"the shape {tuple(feats.shape)}."
        )
    return pool(feats).flatten(1)


@MODELS.register_module()
class GlobalAveragePooling(nn.Module):
    """The mean over all positions; agrees with mmpretrain's neck of this name.

    Args:
        dim: Number of dimensions to pool over: 1, 2 (images) or 3.

    ``forward`` takes ``(N, C, *positions)``, or a tuple of such, and returns ``(N, C)``, or a
    tuple of such.

    Raises:
        ValueError: ``dim`` is not 1, 2 or 3, or the features have another number of dimensions.
        TypeError: The features are neither a tensor nor a tuple of tensors.
    """

    def __init__(self, dim: int = 2) -> None:
        super().__init__()
        pools = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}
        if dim not in pools:
            raise UserValueError(
                f"GlobalAveragePooling got dim={dim!r}, but pools over 1, 2 or 3 dimensions; "
                "feature maps of images have 2."
            )
        self.dim = dim
        self.gap = pools[dim](1)

    def forward(self, feats: Features) -> Features:
        """Return the mean of every channel: ``(N, C, *positions) -> (N, C)``."""
        return _pool_each(self.gap, feats, self.dim + 2, "GlobalAveragePooling")


@MODELS.register_module()
class GeneralizedMeanPooling(nn.Module):
    """The generalised mean (GeM) ``mean(x ** p) ** (1 / p)`` over all positions of a feature map.

    p = 1 is the average, p towards infinity the maximum. Source: Radenovic et al., "Fine-tuning
    CNN Image Retrieval with No Human Annotation" (arXiv:1711.02512), Sec. 3.2; keywords, key of
    the parameter (``p``) and numbers agree with mmpretrain's neck of this name.

    Args:
        p: The exponent at the start of training, at least 1.
        eps: Lower bound of the features when ``clamp`` is on.
        clamp: Raise features below ``eps`` to ``eps``. Without it a negative feature under a
            fractional exponent gives NaN.
        p_trainable: Whether the exponent is learnt.

    ``forward`` takes ``(N, C, H, W)``, or a tuple of such, and returns ``(N, C)``, or a tuple of
    such.

    Raises:
        ValueError: ``p`` is below 1, or the features do not have 4 dimensions.
        TypeError: The features are neither a tensor nor a tuple of tensors.
    """

    def __init__(
        self, p: float = 3.0, eps: float = 1e-6, clamp: bool = True, p_trainable: bool = True
    ) -> None:
        super().__init__()
        if not p >= 1:
            raise UserValueError(
                f"GeneralizedMeanPooling got p={p!r}, but p must be at least 1 (1 is the "
                "average; 3 is the usual start)."
            )
        self.p = nn.Parameter(torch.full((1,), float(p)), requires_grad=p_trainable)
        self.eps = eps
        self.clamp = clamp

    def _pool(self, feat: Tensor) -> Tensor:
        if self.clamp:
            feat = feat.clamp(min=self.eps)
        return F.avg_pool2d(feat.pow(self.p), feat.shape[-2:]).pow(1.0 / self.p)

    def forward(self, feats: Features) -> Features:
        """Return the generalised mean of every channel: ``(N, C, H, W) -> (N, C)``."""
        return _pool_each(self._pool, feats, 4, "GeneralizedMeanPooling")
