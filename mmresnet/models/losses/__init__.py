"""Losses of the recipes."""

from mmresnet.models.losses.cross_entropy import CrossEntropyLoss
from mmresnet.models.losses.label_smooth import LabelSmoothLoss

__all__ = ["CrossEntropyLoss", "LabelSmoothLoss"]
