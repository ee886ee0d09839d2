"""The head for any number of classes per image."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmresnet.errors import UserValueError
from mmresnet.models.checks import positive_integer
from mmresnet.models.heads.linear_head import NORMAL_INIT, LinearHead
from mmresnet.models.heads.targets import gt_scores, multi_hot_labels
from mmresnet.registry import MODELS

BINARY_CROSS_ENTROPY = {"type": "mmresnet.CrossEntropyLoss", "use_sigmoid": True}


@MODELS.register_module()
class MultiLabelLinearClsHead(LinearHead):
    """Any number of classes for each image: a linear layer and sigmoids; mmpretrain's keywords.

    Args:
        num_classes: Number of classes, at least 1.
        in_channels: Number of channels of the features.
        loss: Config of a loss from any registry scope, or a module.
        thr: Classes with at least this score are predicted. Takes precedence over ``topk``; 0.5
            if neither is given.
        topk: The k classes with the highest scores are predicted.
        init_cfg: How to initialise; None keeps PyTorch's own initial weights.

    Raises:
        TypeError: ``num_classes``, ``in_channels`` or ``topk`` is not an integer.
        ValueError: ``thr`` is not in [0, 1], ``topk`` is not in [1, ``num_classes``], or a size
            is below 1.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss: dict[str, Any] | nn.Module = BINARY_CROSS_ENTROPY,
        thr: float | None = None,
        topk: int | None = None,
        init_cfg: dict[str, Any] | list[Any] | None = NORMAL_INIT,
    ) -> None:
        super().__init__(num_classes, in_channels, loss, init_cfg)
        if thr is not None and not 0 <= thr <= 1:
            raise UserValueError(f"thr={thr} must be in [0, 1], as sigmoid scores are.")
        if topk is not None and positive_integer(type(self).__name__, "topk", topk) > num_classes:
            raise UserValueError(
                f"topk={topk} exceeds num_classes={num_classes}: choose 1 to {num_classes}."
            )
        self.thr = 0.5 if thr is None and topk is None else thr
        self.topk = topk

    def _targets(self, data_samples: Sequence[Any]) -> Tensor:
        scores = gt_scores(data_samples, self.num_classes)
        if scores is None:
            return multi_hot_labels(data_samples, self.num_classes)
        return scores.float()

    def _decide(self, cls_score: Tensor) -> tuple[Tensor, Tensor | list[Tensor]]:
        scores = torch.sigmoid(cls_score)
        if self.thr is None and self.topk is not None:
            return scores, scores.topk(self.topk, dim=1).indices
        return scores, [torch.nonzero(score >= self.thr).flatten() for score in scores]
