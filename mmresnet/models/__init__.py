"""Backbones, necks, heads, losses, and classifiers that average over views of an image."""

from mmresnet.models import backbones, classifiers, heads, losses, necks

__all__ = ["backbones", "classifiers", "heads", "losses", "necks"]
