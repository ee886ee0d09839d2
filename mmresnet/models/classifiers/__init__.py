"""Classifiers that average over views of an image: crops, flips, scales."""

from mmresnet.models.classifiers.average_scores import AverageScoresTTA
from mmresnet.models.classifiers.dense import DenseTTA, WindowAveragePooling

__all__ = ["AverageScoresTTA", "DenseTTA", "WindowAveragePooling"]
