"""The head for one class per image."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmresnet.errors import UserValueError
from mmresnet.models.checks import positive_integer
from mmresnet.models.heads.linear_head import NORMAL_INIT, LinearHead
from mmresnet.models.heads.targets import gt_scores, single_labels
from mmresnet.registry import MODELS

CROSS_ENTROPY = {"type": "mmresnet.CrossEntropyLoss", "loss_weight": 1.0}


@MODELS.register_module()
class LinearClsHead(LinearHead):
    """One class for each image: a linear layer and softmax; mmpretrain's keywords and keys.

    Targets are ``gt_score`` where the batch has it (Mixup, CutMix), else ``gt_label``.

    Args:
        num_classes: Number of classes, at least 1.
        in_channels: Number of channels of the features.
        loss: Config of a loss from any registry scope, or a module.
        topk: The k for which ``cal_acc`` computes the accuracy.
        cal_acc: Also return the accuracy of each training batch in percent, as
            ``accuracy_top-k``. mmpretrain's head does not count correct predictions whose logit
            is not above 0; this one does.
        init_cfg: How to initialise; None keeps PyTorch's own initial weights.

    Raises:
        TypeError: ``num_classes``, ``in_channels`` or a k is not an integer.
        ValueError: One of them is not positive, or with ``cal_acc`` a k exceeds ``num_classes``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss: dict[str, Any] | nn.Module = CROSS_ENTROPY,
        topk: int | Sequence[int] = (1,),
        cal_acc: bool = False,
        init_cfg: dict[str, Any] | list[Any] | None = NORMAL_INIT,
    ) -> None:
        super().__init__(num_classes, in_channels, loss, init_cfg)
        ks = topk if isinstance(topk, Sequence) else (topk,)
        self.topk = tuple(positive_integer(type(self).__name__, "topk", k) for k in ks)
        self.cal_acc = cal_acc
        if cal_acc and max(self.topk) > num_classes:
            raise UserValueError(
                f"topk={topk} with cal_acc=True exceeds num_classes={num_classes}: choose each k "
                f"from 1 to {num_classes}."
            )

    def loss(
        self, feats: Tensor | Sequence[Tensor], data_samples: Sequence[Any], **kwargs: Any
    ) -> dict[str, Tensor]:
        """Return ``{'loss': …}``, and with ``cal_acc`` ``'accuracy_top-k'`` in percent.

        ``kwargs`` are given to the loss.

        Raises:
            ValueError: The features or the labels do not fit the head, or ``cal_acc`` is used
                with mixed images.
        """
        cls_score, target = self._scores_and_targets(feats, data_samples)
        losses = self._loss(cls_score, target, **kwargs)
        if self.cal_acc:
            losses.update(self._accuracy(cls_score.detach(), target))
        return losses

    def _targets(self, data_samples: Sequence[Any]) -> Tensor:
        scores = gt_scores(data_samples, self.num_classes)
        return single_labels(data_samples, self.num_classes) if scores is None else scores

    def _accuracy(self, cls_score: Tensor, target: Tensor) -> dict[str, Tensor]:
        if target.ndim != 1:
            raise UserValueError(
                "cal_acc=True needs one label for each image, but the batch has scores, as Mixup "
                "and CutMix make them: set cal_acc=False."
            )
        ranked = cls_score.topk(max(self.topk), dim=1).indices
        correct = ranked == target[:, None]
        percent = 100 / len(target)
        return {f"accuracy_top-{k}": correct[:, :k].sum() * percent for k in self.topk}

    def _decide(self, cls_score: Tensor) -> tuple[Tensor, Tensor | list[Tensor]]:
        scores = torch.softmax(cls_score, dim=1)
        return scores, scores.argmax(dim=1, keepdim=True)
