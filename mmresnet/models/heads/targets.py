"""The ground truth of a batch of data samples.

A data sample is anything with the attributes ``gt_label`` (class indices, shape (L,)) or
``gt_score`` (one score for each class, shape (C,)), such as mmpretrain's ``DataSample``. Error
messages name the sample by its index in the batch and, where known, its file.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmresnet.errors import UserValueError

HOST_LABEL = "gt_label_on_host"  # of a sample: its gt_label before it was copied to a GPU


def gt_scores(data_samples: Sequence[Any] | None, num_classes: int) -> Tensor | None:
    """Return the scores of the batch, (N, ``num_classes``), or None if it has labels only.

    Scores take precedence: batch augmentations turn labels into scores, and keep the old labels.

    Raises:
        ValueError: There are no samples, some lack what the first one has, or the number of
            scores is not ``num_classes``.
    """
    if not data_samples:
        raise UserValueError(
            "The loss needs data_samples with the ground truth, but there are none."
        )
    if getattr(data_samples[0], "gt_score", None) is None:
        return None
    scores = _field(data_samples, "gt_score")
    for sample, score in zip(data_samples, scores, strict=True):
        if score.shape != (num_classes,):
            raise UserValueError(
                f"gt_score of {_name(data_samples, sample)} has the shape {tuple(score.shape)}, "
                f"but the head has num_classes={num_classes}: set the same num_classes in the "
                "head and in the data preprocessor."
            )
    return torch.stack(scores)


def gt_labels(data_samples: Sequence[Any], num_classes: int) -> list[Tensor]:
    """Return the class indices of each sample: N tensors of shape (L,), L may differ.

    Raises:
        ValueError: A sample has no label, or one that is not in [0, ``num_classes``).
    """
    labels = _field(data_samples, "gt_label")
    # One comparison for the whole batch, and no question to a GPU where the labels are in memory,
    # too. There an index out of range would otherwise fail in a device-side assert, which does not
    # name it and ends the process.
    known = _known_labels(data_samples)
    every = torch.cat(known)
    invalid = (every < 0) | (every >= num_classes)
    if invalid.any():
        owners = [sample for sample, own in zip(data_samples, known, strict=True) for _ in own]
        first = int(invalid.nonzero()[0])
        raise UserValueError(
            f"gt_label {int(every[first])} of {_name(data_samples, owners[first])} is out of "
            f"range: num_classes={num_classes} of the head allows 0 to {num_classes - 1}. "
            "num_classes and the data set disagree: set num_classes to the number of classes of "
            "the data set, or correct the annotation."
        )
    return labels


def single_labels(data_samples: Sequence[Any], num_classes: int) -> Tensor:
    """Return one class index for each sample, shape (N,).

    Raises:
        ValueError: As :func:`gt_labels`, or a sample has several labels, or none.
    """
    labels = gt_labels(data_samples, num_classes)
    for sample, own in zip(data_samples, labels, strict=True):
        if len(own) != 1:
            raise UserValueError(
                f"{_name(data_samples, sample)} has {len(own)} labels, but this head predicts "
                "exactly one class: use 'mmresnet.MultiLabelLinearClsHead' for several."
            )
    return torch.cat(labels)


def multi_hot_labels(data_samples: Sequence[Any], num_classes: int) -> Tensor:
    """Return 1.0 for each class that a sample has and 0.0 elsewhere, shape (N, ``num_classes``).

    Raises:
        ValueError: As :func:`gt_labels`.
    """
    device = gt_labels(data_samples, num_classes)[0].device
    labels = _known_labels(data_samples)
    every = torch.cat(labels)
    rows = [row for row, own in enumerate(labels) for _ in own]
    target = torch.zeros(len(labels), num_classes, device=every.device)
    target[torch.tensor(rows, dtype=torch.long, device=every.device), every] = 1.0
    return target.to(device, non_blocking=True)


def _known_labels(data_samples: Sequence[Any]) -> list[Tensor]:
    """Return the labels of each sample, in memory where they have come from there."""
    return [getattr(sample, HOST_LABEL, sample.gt_label) for sample in data_samples]


def _field(data_samples: Sequence[Any], name: str) -> list[Tensor]:
    """Return the attribute ``name`` of every sample; raise if one lacks it."""
    values: list[Any] = [getattr(sample, name, None) for sample in data_samples]
    for sample, value in zip(data_samples, values, strict=True):
        if value is None:
            raise UserValueError(
                f"{_name(data_samples, sample)} has no {name}, so there is no loss to compute: "
                "the data set must give gt_label or gt_score, and the pipeline must end with "
                "PackInputs, which packs them."
            )
    return values


def _name(data_samples: Sequence[Any], sample: Any) -> str:
    index = next(index for index, other in enumerate(data_samples) if other is sample)
    path = getattr(sample, "img_path", None)
    return f"data sample {index} of the batch" + (f" ({path})" if path else "")
