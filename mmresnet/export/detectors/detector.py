"""A detector from an image to its detections: what is written to a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from mmresnet.export.detectors.anchors import DenseDetections, Proposals
from mmresnet.export.detectors.boxes import Boxes
from mmresnet.export.detectors.heads import RegionDetections, RegionMasks
from mmresnet.export.detectors.image import ImageInput, image_limit
from mmresnet.export.wrappers import Exportable


class ExportableDetector(Exportable):
    """One image (1, H, W, 3) to its detections, by descending score.

    ``boxes``, (K, 4): x1, y1, x2, y2 in pixels of the image; ``scores``, (K,); ``labels``, (K,),
    int64; and of Mask R-CNN ``masks``, (K, 28, 28): the probability that the object covers each
    cell of a grid over its box.

    Args:
        model: mmdet's detector, one of those that ``detectors.supported`` lists.
        loads_rgb: Whether the recipe's pipeline gives RGB.

    Attributes:
        settings: ``score_thr`` and ``max_per_img`` of its ``test_cfg``.
    """

    settings: Mapping[str, Any]
    output_names: tuple[str, ...] = ("boxes", "scores", "labels")
    dynamic = (1, 2)
    through_onnx = True
    example = (1, 416, 608, 3)  # every level of a pyramid has several rows and columns

    def __init__(self, model: Any, loads_rgb: bool = False) -> None:
        super().__init__()
        self.input = ImageInput(model.data_preprocessor, loads_rgb)
        self.backbone = model.backbone
        self.neck = model.neck if model.with_neck else nn.Identity()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the detections."""
        maps = self.neck(self.backbone(self.input(images)))
        return self._detect(maps, image_limit(images))

    def _detect(self, maps: Any, limit: Tensor) -> tuple[Tensor, ...]:
        raise NotImplementedError


class OneStageDetector(ExportableDetector):
    """RetinaNet, and others whose head decodes boxes as its does."""

    def __init__(self, model: Any, loads_rgb: bool = False) -> None:
        super().__init__(model, loads_rgb)
        self.detections = DenseDetections(model.bbox_head)
        self.settings = model.bbox_head.test_cfg

    def _detect(self, maps: Any, limit: Tensor) -> tuple[Tensor, ...]:
        found: Boxes = self.detections(maps, limit)
        return tuple(found)


class TwoStageDetector(ExportableDetector):
    """Faster R-CNN and Mask R-CNN, with a feature pyramid or on one map (C4)."""

    def __init__(self, model: Any, loads_rgb: bool = False) -> None:
        super().__init__(model, loads_rgb)
        self.proposals = Proposals(model.rpn_head)
        self.detections = RegionDetections(model.roi_head)
        self.settings = model.roi_head.test_cfg
        self.masks = RegionMasks(model.roi_head) if model.roi_head.with_mask else None
        if self.masks is not None:
            self.output_names = (*self.output_names, "masks")

    def _detect(self, maps: Any, limit: Tensor) -> tuple[Tensor, ...]:
        found: Boxes = self.detections(maps, self.proposals(maps, limit), limit)
        return tuple(found) if self.masks is None else (*found, self.masks(maps, found))
