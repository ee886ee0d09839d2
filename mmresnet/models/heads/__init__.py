"""Heads: from one vector per image to classes."""

from .linear_cls_head import LinearClsHead
from .multi_label_head import MultiLabelLinearClsHead

__all__ = ["LinearClsHead", "MultiLabelLinearClsHead"]
