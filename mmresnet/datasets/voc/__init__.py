"""PASCAL VOC's format, of which ImageNet's annotations are a variant."""
