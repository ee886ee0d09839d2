"""Cross entropy of a softmax over the classes, or of a sigmoid for each class."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmresnet.errors import UserValueError, did_you_mean
from mmresnet.registry import MODELS

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(reduction: str) -> None:
    """Raise a ValueError unless ``reduction`` is one of :data:`REDUCTIONS`."""
    if reduction not in REDUCTIONS:
        raise UserValueError(
            f"Unknown reduction {reduction!r}: a loss is reduced by 'mean', 'sum' or 'none'."
            f"{did_you_mean(reduction, REDUCTIONS)}"
        )


def as_scores(label: Tensor, num_classes: int) -> Tensor:
    """Return targets as floating-point scores of shape (N, ``num_classes``).

    Class indices of shape (N,) become one-hot rows; scores are returned unchanged.
    """
    if label.ndim == 1:
        label = F.one_hot(label, num_classes)
    return label if label.is_floating_point() else label.float()


def check_target(cls_score: Tensor, label: Tensor, loss_name: str) -> None:
    """Raise a ValueError unless ``label`` is (N,) or (N, C) for a ``cls_score`` of (N, C)."""
    if cls_score.ndim != 2 or label.shape not in (cls_score.shape[:1], cls_score.shape):
        raise UserValueError(
            f"{loss_name} takes predictions of shape (N, C) with class indices of shape (N,) or "
            f"scores of shape (N, C), but got predictions of shape {tuple(cls_score.shape)} and "
            f"targets of shape {tuple(label.shape)}. If only C differs, set the same num_classes "
            "in the head and in the data preprocessor."
        )


@MODELS.register_module()
class CrossEntropyLoss(nn.Module):
    """Cross entropy, with the keywords and the numbers of mmpretrain's loss of this name.

    Args:
        use_sigmoid: Binary cross entropy for each class, for multi-label tasks and the recipes of
            "ResNet strikes back" (arXiv:2110.00476), instead of softmax.
        use_soft: Accept only scores (N, C) as targets, as Mixup and CutMix make them, and not
            class indices. By default both are accepted.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
        loss_weight: Factor on the result.
        class_weight: One weight for each class. The mean still divides by the number of samples,
            not by the sum of their weights.
        pos_weight: One weight for each class on its positive term; only with ``use_sigmoid``.

    Raises:
        ValueError: An unknown reduction, options that exclude each other, or targets or weights
            whose shape does not fit the predictions.
    """

    class_weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self,
        use_sigmoid: bool = False,
        use_soft: bool = False,
        reduction: str = "mean",
        loss_weight: float = 1.0,
        class_weight: Sequence[float] | None = None,
        pos_weight: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        if use_sigmoid and use_soft:
            raise UserValueError(
                "use_sigmoid=True and use_soft=True exclude each other: leave use_soft out, "
                "binary cross entropy accepts soft targets anyway."
            )
        if pos_weight is not None and not use_sigmoid:
            raise UserValueError(
                "pos_weight has no meaning without use_sigmoid=True: set that, or use "
                "class_weight for a softmax."
            )
        self.use_sigmoid = use_sigmoid
        self.use_soft = use_soft
        self.reduction = reduction
        self.loss_weight = loss_weight
        # Buffers, so that they move with the model; not saved in checkpoints.
        for name, weight in (("class_weight", class_weight), ("pos_weight", pos_weight)):
            values = None if weight is None else torch.as_tensor(weight, dtype=torch.float32)
            self.register_buffer(name, values, persistent=False)

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Return the loss: a scalar, or unreduced (N,) for softmax and (N, C) for sigmoid.

        Args:
            cls_score: Logits (N, C).
            label: Class indices (N,) or scores (N, C).
            weight: A factor for each sample, (N,). The mean still divides by the number of
                elements.
            avg_factor: What a mean divides the sum by, instead of the number of elements. The
                heads give N, so that the sigmoid loss is a sum over classes.
            reduction_override: Takes the place of ``reduction``.
        """
        reduction = reduction_override or self.reduction
        check_reduction(reduction)
        check_target(cls_score, label, "CrossEntropyLoss")
        if self.use_soft and label.ndim == 1:
            raise UserValueError(
                "use_soft=True takes scores of shape (N, C), but got class indices. Set to_onehot="
                "True and num_classes in the data preprocessor (Mixup and CutMix need neither), or "
                "leave use_soft out."
            )
        num_classes = cls_score.shape[1]
        self._check_weights(num_classes)
        if self.use_sigmoid:
            loss = F.binary_cross_entropy_with_logits(
                cls_score,
                as_scores(label, num_classes),
                weight=self.class_weight,
                pos_weight=self.pos_weight,
                reduction="none",
            )
        else:
            target = label if label.ndim == 1 else as_scores(label, num_classes)
            loss = F.cross_entropy(cls_score, target, weight=self.class_weight, reduction="none")
        if weight is not None:
            if weight.shape != cls_score.shape[:1]:
                raise UserValueError(
                    f"weight has the shape {tuple(weight.shape)}, but there are {len(cls_score)} "
                    "samples: give one number for each."
                )
            loss = loss * weight.float().view(-1, *[1] * (loss.ndim - 1))
        return self.loss_weight * _reduce(loss, reduction, avg_factor)

    def _check_weights(self, num_classes: int) -> None:
        for name in ("class_weight", "pos_weight"):
            weight = getattr(self, name)
            if weight is not None and weight.shape != (num_classes,):
                raise UserValueError(
                    f"{name} has {weight.numel()} entries, but the predictions have "
                    f"{num_classes} classes: give one number for each class."
                )


def _reduce(loss: Tensor, reduction: str, avg_factor: float | None) -> Tensor:
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    return loss.mean() if avg_factor is None else loss.sum() / avg_factor
