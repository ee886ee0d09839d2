"""Necks: from feature maps to one vector per image."""

from mmresnet.models.necks.pooling import GeneralizedMeanPooling, GlobalAveragePooling

__all__ = ["GeneralizedMeanPooling", "GlobalAveragePooling"]
