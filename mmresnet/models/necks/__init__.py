"""Necks: what turns feature maps into one vector per image."""

from .pooling import GeneralizedMeanPooling, GlobalAveragePooling

__all__ = ["GeneralizedMeanPooling", "GlobalAveragePooling"]
