"""Several R-CNNs as one localizer: they score the same regions, and their outputs are averaged."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import nn

from mmresnet.errors import UserError, UserValueError
from mmresnet.models.localizers.region_localizer import RegionLocalizer, keep_best, proposals_of
from mmresnet.models.localizers.results import wanted_classes
from mmresnet.models.localizers.views import without_padding
from mmresnet.registry import MODELS


@MODELS.register_module()
class RegionLocalizerEnsemble(BaseModel):
    """An ensemble for localization (He et al. 2015, Table 13, last row, and Table 14).

    Every member scores and regresses each proposal. The members' probabilities and boxes are
    averaged, and a class's box is that of the highest average. The paper does not say how it merges
    them; this is what it does for detection (Appendix B). The proposals are the union of the
    members' own, which the data set reads: ``proposals=[FOLDER, FOLDER]``.

    All members see the same images, and each normalizes them in its own way.
    ``mmresnet ensemble-detectors`` writes config and checkpoint.

    Args:
        members: Configs of :class:`RegionLocalizer`, each with its ``data_preprocessor``.

    Raises:
        ValueError: A member is another model, or has other classes than the first.
    """

    def __init__(self, members: Sequence[Mapping[str, Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.members = nn.ModuleList(MODELS.build(member) for member in members)
        for index, member in enumerate(self.members):
            _check_member(f"model.members.{index}", member, self.members[0])

    @torch.no_grad()
    def forward(
        self, inputs: Any, data_samples: Sequence[Any] | None = None, mode: str = "tensor"
    ) -> list[Any]:
        """Return the samples with :data:`mmresnet.models.localizers.results.FIELDS`.

        Args:
            inputs: Images (3, H, W) in their own size, as the test pipeline gives them.
            data_samples: As for :meth:`RegionLocalizer.predict`.
            mode: "predict", as in tests.

        Raises:
            UserError: It is another mode, or a sample has no proposals for one of its classes.
        """
        if mode != "predict" or not data_samples:
            raise UserError("An ensemble of localizers is for tests: train its members one by one.")
        members: list[Any] = list(self.members)
        classes = wanted_classes(data_samples, members[0].head.num_classes)
        sizes = [one.img_shape for one in data_samples]
        prepared = [
            without_padding(member.data_preprocessor({"inputs": inputs})["inputs"], sizes)
            for member in members
        ]
        results = []
        for sample, wanted, *images in zip(data_samples, classes, *prepared, strict=True):
            proposals = proposals_of(sample, wanted)
            outputs = [
                member.score_regions(image, proposals, wanted)
                for member, image in zip(members, images, strict=True)
            ]
            scores, boxes = (torch.stack(parts).mean(0) for parts in zip(*outputs, strict=True))
            results.append(keep_best(sample, wanted, scores, boxes))
        return results


def _check_member(name: str, member: nn.Module, first: Any) -> None:
    if not isinstance(member, RegionLocalizer):
        raise UserValueError(
            f"{name} is a {type(member).__name__}: an ensemble for localization is of "
            "mmresnet.RegionLocalizer."
        )
    classes, expected = (one.head.num_classes for one in (member, first))
    if classes != expected:
        raise UserValueError(
            f"{name} has {classes} classes and model.members.0 {expected}: the members of an "
            "ensemble need the same classes in the same order."
        )
