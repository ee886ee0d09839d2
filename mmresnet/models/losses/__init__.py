"""The losses that the recipes train with."""

from .cross_entropy import CrossEntropyLoss
from .label_smooth import LabelSmoothLoss

__all__ = ["CrossEntropyLoss", "LabelSmoothLoss"]
