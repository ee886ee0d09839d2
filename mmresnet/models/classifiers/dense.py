"""A classifier that is applied fully convolutionally to whole images of any size."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmresnet.errors import UserTypeError, UserValueError
from mmresnet.models.checks import positive_integer
from mmresnet.models.classifiers.average_scores import AverageScoresTTA
from mmresnet.registry import MODELS

# heads whose logits are a linear layer of the pooled features: ours and mmpretrain's
_LINEAR_HEADS = ("LinearClsHead", "MultiLabelLinearClsHead")


class WindowAveragePooling(nn.Module):
    """The mean of all windows' means: ``(N, C, H, W) -> (N, C)``.

    A window has the size of the feature map of a training crop, and there is one at every position
    (stride 1). In a map that is smaller than a window, the window is as large as the map.

    Args:
        window: Height and width of the window, in positions of the feature map.
    """

    def __init__(self, window: tuple[int, int]) -> None:
        super().__init__()
        self.window = window

    def forward(self, feats: Tensor | tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
        """Return the mean for a map, or those for a tuple of maps."""
        if isinstance(feats, tuple | list):
            return tuple(self._pool(feat) for feat in feats)
        return self._pool(feats)

    def _pool(self, feat: Tensor) -> Tensor:
        height, width = feat.shape[-2:]
        window = min(self.window[0], height), min(self.window[1], width)
        return F.avg_pool2d(feat, window, stride=1).mean((2, 3))


@MODELS.register_module()
class DenseTTA(AverageScoresTTA):
    """A classifier as a fully convolutional net, averaged over views: flips and scales.

    The linear layer is applied to the mean of every window of the last feature map that is as
    large as the map of a training crop; the class scores are averaged over the windows, and then
    comes the softmax, whose outputs are averaged over the views. This is the order of VGG
    (Simonyan & Zisserman 2014, Sec. 3.2 and 4.2), to which He et al. 2015 refer for Table 4.

    The mean over the windows is taken before the linear layer, which gives the same scores, since
    a linear layer of a mean is the mean of the linear layers.

    The scores equal those averaged over crops (before the softmax) where the net has no padding
    and the crops are as far apart as the net's stride, and for an image of the crop's size.
    Otherwise they differ: at the border of a crop the net sees zeros, and in the whole image what
    lies beyond.

    Args:
        module: A classifier with the neck ``GlobalAveragePooling`` and a linear head, or its
            config.
        crop_size: Height and width of a training crop, in pixels.
        data_preprocessor: That of the classifier, where its config has none.

    Raises:
        UserTypeError: Another neck or head, or ``crop_size`` is not an integer.
        UserValueError: ``crop_size`` is too small for the net.
    """

    def __init__(
        self,
        module: dict[str, Any] | nn.Module,
        crop_size: int,
        data_preprocessor: dict[str, Any] | nn.Module | None = None,
    ) -> None:
        positive_integer(type(self).__name__, "crop_size", crop_size)
        super().__init__(module, data_preprocessor)
        _check_convolutional(self.module)
        self.module.neck = WindowAveragePooling(_map_size(self.module.backbone, crop_size))


def _check_convolutional(model: Any) -> None:
    neck, head = getattr(model, "neck", None), model.head
    pools = type(neck).__name__ == "GlobalAveragePooling" and isinstance(
        getattr(neck, "gap", None), nn.AdaptiveAvgPool2d
    )
    if not pools or type(head).__name__ not in _LINEAR_HEADS:
        raise UserTypeError(
            "Dense testing needs a classifier with the neck GlobalAveragePooling over two "
            f"dimensions and a head out of {', '.join(_LINEAR_HEADS)}; this one has "
            f"{type(neck).__name__} and {type(head).__name__}: use ten crops."
        )


@torch.no_grad()
def _map_size(backbone: nn.Module, crop_size: int) -> tuple[int, int]:
    """Return height and width of the last feature map of a crop."""
    parameter = next(backbone.parameters())
    training = backbone.training
    backbone.eval()  # which returns None for some of mmpretrain's
    try:
        feats = backbone(parameter.new_zeros(1, 3, crop_size, crop_size))
    except RuntimeError as error:
        raise UserValueError(
            f"The net cannot be applied to a crop of {crop_size}×{crop_size} pixels: {error}"
        ) from error
    finally:
        backbone.train(training)
    height, width = (feats if isinstance(feats, Tensor) else feats[-1]).shape[-2:]
    return height, width
