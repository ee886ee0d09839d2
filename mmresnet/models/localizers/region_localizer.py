"""ImageNet localization by R-CNN on the proposals of a per-class RPN (He et al. 2015, App. C)."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from mmresnet.errors import UserError, UserValueError, did_you_mean
from mmresnet.models.checks import positive_integer
from mmresnet.models.localizers.boxes import decode
from mmresnet.models.localizers.regions import STDS, warp
from mmresnet.models.localizers.results import set_results, wanted_classes
from mmresnet.models.localizers.views import without_padding
from mmresnet.registry import MODELS


@MODELS.register_module()
class RegionLocalizer(BaseModel):
    """Gives proposals for a class new scores and boxes: a net applied to each warped region.

    In training the batch is one of regions. In a test it is one of images in their own size, with
    ``proposals`` for the image's own class and for each of ``predicted_classes``; a class's box is
    that of its highest new score.

    Args:
        backbone: Config of a backbone; the last of its feature maps is taken.
        head: Config of :class:`PerClassRegionHead`.
        data_preprocessor: Config of mmengine's ``ImgDataPreprocessor``.
        size: Height and width that regions are warped to, in pixels.
        regions_per_step: Regions that a test computes at once.
        init_cfg: How to initialise.

    Raises:
        ValueError: A number is not positive.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        head: dict[str, Any],
        data_preprocessor: dict[str, Any] | None = None,
        size: int = 224,
        regions_per_step: int = 256,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone, self.head = MODELS.build(backbone), MODELS.build(head)
        name = type(self).__name__
        self.size = positive_integer(name, "size", size)
        self.regions_per_step = positive_integer(name, "regions_per_step", regions_per_step)

    def forward(
        self, inputs: Tensor, data_samples: Sequence[Any] | None = None, mode: str = "tensor"
    ) -> Any:
        """Return features of regions ("tensor"), losses ("loss"), or results ("predict").

        Args:
            inputs: Normalized regions, (N, 3, ``size``, ``size``); for "predict" images.
        """
        if mode == "tensor":
            return self.backbone(inputs)[-1]
        if not data_samples:
            raise UserValueError(f"RegionLocalizer: mode='{mode}' needs data samples.")
        if mode == "loss":
            return self.head.loss(self.backbone(inputs)[-1], data_samples)
        if mode == "predict":
            return self.predict(inputs, data_samples)
        hint = did_you_mean(mode, ("tensor", "loss", "predict"))
        raise UserValueError(
            f"RegionLocalizer: mode is 'tensor', 'loss' or 'predict', not {mode}.{hint}"
        )

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: Sequence[Any]) -> list[Any]:
        """Return the samples with :data:`mmresnet.models.localizers.results.FIELDS`.

        Args:
            inputs: Images in their own size, padded below and on the right to (N, 3, H, W).
            data_samples: With ``img_shape``, ``gt_label``, maybe ``predicted_classes``, and
                ``proposals``, (K, n, 4), for these classes in this order.

        Raises:
            UserError: A sample has no proposals for one of its classes.
        """
        images = without_padding(inputs, [one.img_shape for one in data_samples])
        classes = wanted_classes(data_samples, self.head.num_classes)
        results = []
        for image, sample, wanted in zip(images, data_samples, classes, strict=True):
            found = self.score_regions(image, proposals_of(sample, wanted), wanted)
            results.append(keep_best(sample, wanted, *found))
        return results

    def score_regions(
        self, image: Tensor, proposals: Tensor, classes: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return new scores in [0, 1], (K, n), and boxes within the image, (K, n, 4).

        Args:
            image: (3, H, W), normalized.
            proposals: (K, n, 4), x1 y1 x2 y2 in its pixels, for each of ``classes``.
            classes: int64 (K,).
        """
        flat = proposals.to(image.device).reshape(-1, 4)
        shape = proposals.shape[:2]
        labels = classes.to(image.device).repeat_interleave(shape[1])
        scores, moved = [], []
        for start in range(0, len(flat), self.regions_per_step):
            part = slice(start, start + self.regions_per_step)
            features = self.backbone(warp(image, flat[part], self.size))[-1]
            logits, deltas = self.head(features, labels[part])
            scores.append(logits.sigmoid())
            moved.append(decode(deltas, flat[part].to(deltas.dtype), STDS))
        height, width = image.shape[-2:]
        limits = flat.new_tensor([width, height, width, height])
        boxes = torch.cat(moved).clamp(min=0).minimum(limits)
        return torch.cat(scores).view(shape), boxes.view(*shape, 4)


def proposals_of(data_sample: Any, classes: Tensor) -> Tensor:
    """Return the proposals of a sample for ``classes``, (K, n, 4).

    Raises:
        UserError: It has none, or for another number of classes.
    """
    proposals = getattr(data_sample, "proposals", None)
    if proposals is None or len(proposals) != len(classes):
        found = 0 if proposals is None else len(proposals)
        raise UserError(
            f"{getattr(data_sample, 'img_path', 'An image')} has proposals for {found} classes "
            f"and not for the {len(classes)} that are tested: write them with "
            "'mmresnet propose' and the same class scores, and set the data set's proposals."
        )
    return torch.as_tensor(proposals)


def keep_best(data_sample: Any, classes: Tensor, scores: Tensor, boxes: Tensor) -> Any:
    """Write the box of the highest score for each class into a sample, and return it.

    Args:
        classes: int64 (K,).
        scores: (K, n).
        boxes: (K, n, 4).
    """
    best, index = scores.max(dim=1)
    chosen = boxes[torch.arange(len(index), device=index.device), index]
    return set_results(data_sample, classes, chosen, best)
