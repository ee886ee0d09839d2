"""Backbones, necks, heads and losses."""

from mmresnet.models import backbones, heads, losses, necks

__all__ = ["backbones", "heads", "losses", "necks"]
