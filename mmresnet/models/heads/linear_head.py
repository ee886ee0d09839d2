"""The base class of the heads: one linear layer, a loss, and predictions in data samples."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmresnet.errors import UserValueError, require
from mmresnet.models.checks import positive_integer
from mmresnet.registry import MODELS

NORMAL_INIT = {"type": "Normal", "layer": "Linear", "std": 0.01}
"""Initial weights of the linear layer, as in the published recipes; biases start at 0."""


class LinearHead(BaseModule):
    """A linear layer ``fc`` on the last of the features.

    ``forward``, ``pre_logits``, ``loss`` and ``predict`` are what mmpretrain's
    ``ImageClassifier`` calls. A subclass defines the targets (:meth:`_targets`) and how logits
    become predictions (:meth:`_decide`).

    Args:
        num_classes: Number of classes, at least 1.
        in_channels: Number of channels of the features.
        loss: Config of a loss from any registry scope, or a module. It is called with logits
            (N, C), targets, and ``avg_factor=N``.
        init_cfg: How to initialise; None keeps PyTorch's own initial weights.

    Raises:
        TypeError: ``num_classes`` or ``in_channels`` is not an integer.
        ValueError: One of them is below 1.
    """

    def __init__(
        self, num_classes: int, in_channels: int, loss: dict[str, Any] | nn.Module, init_cfg: Any
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        name = type(self).__name__
        self.num_classes = positive_integer(name, "num_classes", num_classes)
        self.in_channels = positive_integer(name, "in_channels", in_channels)
        self.loss_module = loss if isinstance(loss, nn.Module) else MODELS.build(loss)
        self.fc = nn.Linear(in_channels, num_classes)

    def pre_logits(self, feats: Tensor | Sequence[Tensor]) -> Tensor:
        """Return the input of the linear layer: the last of the features, (N, ``in_channels``)."""
        return feats if isinstance(feats, Tensor) else feats[-1]

    def forward(self, feats: Tensor | Sequence[Tensor]) -> Tensor:
        """Return the logits, (N, ``num_classes``).

        Raises:
            ValueError: The features do not have the shape (N, ``in_channels``).
        """
        feat = self.pre_logits(feats)
        try:
            return self.fc(feat)
        except RuntimeError as error:
            # Checked only after a failure, so that tracing sees no branch on a shape.
            if feat.ndim == 2 and feat.shape[1] == self.in_channels:
                raise
            raise UserValueError(
                _shape_mismatch(type(self).__name__, self.in_channels, feat)
            ) from error

    def loss(
        self, feats: Tensor | Sequence[Tensor], data_samples: Sequence[Any], **kwargs: Any
    ) -> dict[str, Tensor]:
        """Return ``{'loss': …}`` for features and the ground truth in ``data_samples``.

        ``kwargs`` are given to the loss.

        Raises:
            ValueError: The features or the labels do not fit the head, or are missing.
        """
        return self._loss(*self._scores_and_targets(feats, data_samples), **kwargs)

    def _scores_and_targets(
        self, feats: Tensor | Sequence[Tensor], data_samples: Sequence[Any]
    ) -> tuple[Tensor, Tensor]:
        return _full_precision(self(feats)), self._targets(data_samples)

    def _loss(self, cls_score: Tensor, target: Tensor, **kwargs: Any) -> dict[str, Tensor]:
        loss = self.loss_module(cls_score, target, avg_factor=cls_score.shape[0], **kwargs)
        return {"loss": loss}

    def predict(
        self, feats: Tensor | Sequence[Tensor], data_samples: Sequence[Any] | None = None
    ) -> list[Any]:
        """Return one data sample for each image, with ``pred_score`` (C,) and ``pred_label``.

        Given samples are filled in; where one is missing, a new one of mmpretrain's is returned.
        Scores are float32 also under autocast, because NumPy has no bfloat16.
        """
        scores, labels = self._decide(_full_precision(self(feats)))
        samples = [None] * len(scores) if data_samples is None else data_samples
        filled = []
        for sample, score, label in zip(samples, scores, labels, strict=True):
            if sample is None:
                sample = _new_data_sample()
            filled.append(sample.set_pred_score(score).set_pred_label(label))
        return filled

    def _targets(self, data_samples: Sequence[Any]) -> Tensor:
        """Return the targets for the loss: class indices (N,) or scores (N, C)."""
        raise NotImplementedError

    def _decide(self, cls_score: Tensor) -> tuple[Tensor, Tensor | list[Tensor]]:
        """Return the scores (N, C) and the N tensors of predicted class indices."""
        raise NotImplementedError


def _full_precision(scores: Tensor) -> Tensor:
    """Return 16-bit scores as float32: a softmax in bfloat16 is exact to two or three digits."""
    return scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores


def _shape_mismatch(head: str, in_channels: int, feat: Tensor) -> str:
    shape = tuple(feat.shape)
    if feat.ndim != 2:
        return (
            f"{head} takes features of shape (N, {in_channels}), but got {shape}: put a neck "
            "that pools before it, such as dict(type='mmresnet.GlobalAveragePooling')."
        )
    return (
        f"{head} has in_channels={in_channels}, but the features have {shape[1]} channels: set "
        f"in_channels={shape[1]}, or choose the backbone that goes with {in_channels}."
    )


def _new_data_sample() -> Any:
    return require("mmpretrain.structures", "A prediction without data samples").DataSample()
