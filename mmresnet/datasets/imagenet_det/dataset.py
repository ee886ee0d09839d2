"""ImageNet's detection task (DET) of ILSVRC: 200 classes, in a variant of VOC's format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mmresnet.datasets.imagenet_det.classes import CLASSES, NAME_OF
from mmresnet.datasets.voc.dataset import VOCDataset
from mmresnet.registry import DATASETS


@DATASETS.register_module()
class ImageNetDET(VOCDataset):
    """A part of ImageNet DET: a ``VOCDataset`` with its 200 classes.

    The files name objects by WordNet ids; here they have the names and the order of ILSVRC's
    development kit. Pixels are counted from 0. The training set is all annotations below
    ``Annotations/DET/train`` (``ann_file=""``): its images without an object have none, so that it
    is the positive images that are trained on.

    Args:
        data_prefix: As ``dict(img="Data/DET/val", ann="Annotations/DET/val")``.
        ann_file, first_pixel, kwargs: As those of ``VOCDataset``.
    """

    METAINFO: ClassVar[dict[str, Any]] = {"classes": CLASSES}
    CLASS_NAMES: ClassVar[Mapping[str, str]] = NAME_OF

    def __init__(
        self,
        ann_file: str = "",
        data_prefix: dict[str, str] | None = None,
        first_pixel: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(ann_file, data_prefix, first_pixel, **kwargs)
