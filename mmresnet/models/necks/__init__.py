"""Necks: what turns feature maps into one vector per image."""

from mmresnet.models.necks.pooling import GeneralizedMeanPooling, GlobalAveragePooling

__all__ = ["GeneralizedMeanPooling", "GlobalAveragePooling"]
