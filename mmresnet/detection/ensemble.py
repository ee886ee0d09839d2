"""Several detectors as one: they propose regions together, and score each region together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmdet.models import TwoStageDetector
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.structures import DetDataSample
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmresnet.detection.faster_rcnn import FasterRCNN
from mmresnet.detection.pyramid import FeatureMaps
from mmresnet.detection.regions import Regions, detect, score_regions
from mmresnet.detection.settings import check_test_settings
from mmresnet.errors import UserError, UserValueError
from mmresnet.registry import MODELS


@MODELS.register_module()
class DetectorEnsemble(BaseModel):
    """An ensemble of Faster R-CNNs (He et al. 2015, Appendix B, "Ensemble").

    The members' proposals are put together, and every member scores and regresses each of them. The
    probabilities and the boxes of the members are averaged, then suppressed as those of one
    detector. With box refinement the second pass is the ensemble's as well. The paper says that
    both steps use the ensemble, and not how their outputs are merged; averages are the choice here.

    All members see the same images, as the test pipeline of the config makes them, and each
    normalizes them in its own way. ``mmresnet ensemble-detectors`` writes config and checkpoint.

    Args:
        members: The models, each with its ``data_preprocessor``, ``test_cfg.rpn`` and, for
            multi-scale testing of this member, ``test_cfg.rcnn.multi_scale``.
        test_cfg: ``rcnn`` has the settings of :class:`mmresnet.detection.roi_head.RoIHead` for the
            ensemble, without ``multi_scale``.

    Raises:
        UserError: A member is no Faster R-CNN with boxes alone, or has other classes.
    """

    def __init__(
        self, members: Sequence[Mapping[str, Any]], test_cfg: Mapping[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.test_cfg = test_cfg
        check_test_settings(test_cfg["rcnn"])
        if test_cfg["rcnn"].get("multi_scale"):
            raise UserValueError(
                "model.test_cfg.rcnn.multi_scale belongs to a member: set it in "
                "model.members.0.test_cfg.rcnn, and so on."
            )
        self.members = nn.ModuleList(MODELS.build(member) for member in members)
        for index, member in enumerate(self.members):
            _check_member(index, member, self.members[0])

    def forward(
        self, inputs: Any, data_samples: Sequence[Any] | None = None, mode: str = "tensor"
    ) -> Sequence[Any]:
        """Return the samples with the detections of the ensemble in original pixels.

        Args:
            inputs: BGR images (3, H, W) from 0 to 255, as the test pipeline gives them.
            data_samples: mmdet's sample of each image.
            mode: "predict", as in tests and inference.

        Raises:
            UserError: It is another mode.
        """
        if mode != "predict" or data_samples is None:
            raise UserError(
                "An ensemble of detectors is for tests and inference: train its members one by one."
            )
        members: list[Any] = list(self.members)
        prepared = [self._prepare(member, inputs, data_samples) for member in members]
        metas = [sample.metainfo for sample in prepared[0][1]]
        found = [
            member.rpn_head.predict(maps, samples, rescale=False)
            for member, (maps, samples) in zip(members, prepared, strict=True)
        ]
        proposals = [
            torch.cat([one.bboxes for one in of_image]) for of_image in zip(*found, strict=True)
        ]

        def score(boxes: list[Tensor]) -> list[Regions]:
            outputs = [
                score_regions(member.roi_head, maps, boxes, metas)
                for member, (maps, _) in zip(members, prepared, strict=True)
            ]
            return [_mean(of_image) for of_image in zip(*outputs, strict=True)]

        results = detect(score, proposals, metas, self.test_cfg["rcnn"], rescale=True)
        for sample, result in zip(data_samples, results, strict=True):
            sample.pred_instances = result
        return data_samples

    def _prepare(
        self, member: Any, inputs: Any, data_samples: Sequence[Any]
    ) -> tuple[FeatureMaps, list[Any]]:
        """Return a member's feature maps, and samples with what its preprocessing notes in them."""
        samples = [DetDataSample(metainfo=sample.metainfo) for sample in data_samples]
        data = member.data_preprocessor({"inputs": inputs, "data_samples": samples})
        if isinstance(member, FasterRCNN):
            return member.test_maps(data["inputs"], samples), samples
        return FeatureMaps.of(member.extract_feat(data["inputs"]), samples), samples


def _mean(outputs: Sequence[Regions]) -> Regions:
    """Return the mean boxes and scores; a box for all classes counts for each of them."""
    length = max(one.boxes.shape[1] for one in outputs)
    boxes = [one.boxes.repeat(1, length // one.boxes.shape[1]) for one in outputs]
    scores = torch.stack([one.scores for one in outputs]).mean(0)
    return Regions(torch.stack(boxes).mean(0), scores)


def _check_member(index: int, member: Any, first: Any) -> None:
    name = f"model.members.{index}"
    roi_head = getattr(member, "roi_head", None)
    has_rpn = isinstance(member, TwoStageDetector) and member.with_rpn
    if not (has_rpn and isinstance(roi_head, StandardRoIHead) and roi_head.with_bbox):
        raise UserValueError(
            f"{name} is a {type(member).__name__}: an ensemble is of Faster R-CNNs, with an RPN "
            "and a StandardRoIHead or mmresnet.RoIHead."
        )
    if roi_head.with_mask:
        raise UserValueError(f"{name} has a mask head: an ensemble is of detectors of boxes alone.")
    classes, expected = (one.roi_head.bbox_head.num_classes for one in (member, first))
    if classes != expected:
        raise UserValueError(
            f"{name} has {classes} classes and model.members.0 {expected}: the members of an "
            "ensemble need the same classes in the same order."
        )
