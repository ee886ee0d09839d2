"""Backbones, necks, heads and losses; knows torch, mmcv.cnn and mmengine, nothing above them."""

from mmresnet.models import backbones, heads, losses, necks

__all__ = ["backbones", "heads", "losses", "necks"]
