"""Cross entropy with label smoothing."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmresnet.errors import UserValueError, did_you_mean
from mmresnet.models.losses.cross_entropy import CrossEntropyLoss, as_scores, check_target
from mmresnet.registry import MODELS

MODES = ("original", "classy_vision", "multi_label")


@MODELS.register_module()
class LabelSmoothLoss(nn.Module):
    """Cross entropy with smoothed targets, with mmpretrain's keywords and numbers.

    With ``e = label_smooth_val``, K classes and a score y of 0 or 1 (or between, from Mixup and
    CutMix), the target of a class is

    - ``'original'``: ``(1 - e) * y + e / K`` (Szegedy et al., arXiv:1512.00567, Sec. 7);
    - ``'classy_vision'``: ``(y + e / K) / (1 + e)``, the same with ``e / (1 + e)`` for ``e``;
    - ``'multi_label'``: ``1 - e`` where y > 0, else ``e``.

    For e = 0.1 and K = 4, ``'original'`` turns 1 and 0 into 0.925 and 0.025, ``'classy_vision'``
    into 0.9318 and 0.0227, and ``'multi_label'`` into 0.9 and 0.1.

    Args:
        label_smooth_val: How much to smooth, in [0, 1).
        num_classes: Number of classes; by default that of the predictions.
        use_sigmoid: Binary cross entropy instead of softmax; by default only in the mode
            ``'multi_label'``.
        mode: One of the three above.
        reduction, loss_weight, class_weight, pos_weight: See :class:`CrossEntropyLoss`.

    Raises:
        ValueError: An option is out of range, or ``num_classes`` is not that of the predictions.
    """

    def __init__(
        self,
        label_smooth_val: float,
        num_classes: int | None = None,
        use_sigmoid: bool | None = None,
        mode: str = "original",
        reduction: str = "mean",
        loss_weight: float = 1.0,
        class_weight: Sequence[float] | None = None,
        pos_weight: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(label_smooth_val, (int, float)) or not 0 <= label_smooth_val < 1:
            raise UserValueError(
                f"label_smooth_val={label_smooth_val!r} is not in [0, 1); 0.1 is the usual value."
            )
        if mode not in MODES:
            raise UserValueError(
                f"Unknown mode {mode!r} of LabelSmoothLoss: choose 'original', 'classy_vision' or "
                f"'multi_label'.{did_you_mean(mode, MODES)}"
            )
        if use_sigmoid is None:
            use_sigmoid = mode == "multi_label"
        self.num_classes = num_classes
        self.mode = mode
        self.label_smooth_val = label_smooth_val
        is_classy = mode == "classy_vision"
        self._eps = label_smooth_val / (1 + label_smooth_val) if is_classy else label_smooth_val
        self.reduction = reduction
        self.loss_weight = loss_weight
        self.ce = CrossEntropyLoss(
            use_sigmoid=use_sigmoid,
            use_soft=not use_sigmoid,
            reduction=reduction,
            class_weight=class_weight,
            pos_weight=pos_weight,
        )

    def smooth_label(self, scores: Tensor) -> Tensor:
        """Return the smoothed targets of ``scores``, both (N, K), in the mode of this loss."""
        if self.mode == "multi_label":
            return self.multilabel_smooth_label(scores)
        return self.original_smooth_label(scores)

    def original_smooth_label(self, scores: Tensor) -> Tensor:
        """Smooth as in the mode ``'original'``, or with the ``e`` of ``'classy_vision'``."""
        return scores * (1 - self._eps) + self._eps / scores.shape[1]

    def multilabel_smooth_label(self, scores: Tensor) -> Tensor:
        """Smooth as in the mode ``'multi_label'``."""
        return torch.full_like(scores, self._eps).masked_fill_(scores > 0, 1 - self._eps)

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Return the loss of logits (N, K) for class indices (N,) or (N, 1), or scores (N, K).

        The result and the other arguments are those of :meth:`CrossEntropyLoss.forward`.
        """
        if label.ndim == 2 and label.shape[1] == 1 != cls_score.shape[1]:
            label = label.flatten().long()
        check_target(cls_score, label, "LabelSmoothLoss")
        if self.num_classes not in (None, cls_score.shape[1]):
            raise UserValueError(
                f"LabelSmoothLoss has num_classes={self.num_classes}, but the predictions have "
                f"{cls_score.shape[1]} classes: correct it, or leave num_classes of the loss out."
            )
        scores = as_scores(label, cls_score.shape[1])
        return self.loss_weight * self.ce(
            cls_score,
            self.smooth_label(scores),
            weight=weight,
            avg_factor=avg_factor,
            reduction_override=reduction_override or self.reduction,
        )
