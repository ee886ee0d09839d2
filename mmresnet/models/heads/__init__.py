"""Classification heads: from one vector per image to classes."""

from mmresnet.models.heads.linear_cls_head import LinearClsHead
from mmresnet.models.heads.multi_label_head import MultiLabelLinearClsHead

__all__ = ["LinearClsHead", "MultiLabelLinearClsHead"]
