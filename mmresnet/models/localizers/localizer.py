"""ImageNet localization by a per-class RPN (He et al. 2015, Appendix C)."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor
from torch.nn import functional

from mmresnet.errors import UserValueError, did_you_mean
from mmresnet.models.localizers.boxes import decode
from mmresnet.models.localizers.results import set_results, wanted_classes
from mmresnet.models.localizers.views import View, batches, view, without_padding
from mmresnet.registry import MODELS

_TEST_SETTINGS = {"scales": (256,), "crop": 224}


@MODELS.register_module()
class Localizer(BaseModel):
    """Finds the box of an object of a given class: a backbone and a per-class RPN.

    In a test the net is applied to the whole image, resized to several short sides ("dense"), or
    to its centre ("1-crop"); images are to come in their own size. A class's box is that of its
    highest score at all positions, anchors and scales. The classes of an image are its own, with
    which the paper's "LOC error on GT class" is computed, and ``predicted_classes`` of its sample.

    Args:
        backbone: Config of a backbone; the last of its feature maps is taken.
        head: Config of a head such as :class:`PerClassRPNHead`.
        data_preprocessor: Config of mmengine's ``ImgDataPreprocessor``.
        test_cfg: ``scales``: short sides in pixels, by default (256,); ``crop``: height and width
            of the centre, by default 224, or None for the whole image.
        init_cfg: How to initialise.

    Raises:
        ValueError: ``test_cfg`` has another key, or a crop that is larger than a scale.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        head: dict[str, Any],
        data_preprocessor: dict[str, Any] | None = None,
        test_cfg: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone, self.head = MODELS.build(backbone), MODELS.build(head)
        settings = test_cfg or {}
        for key in settings:
            if key not in _TEST_SETTINGS:
                raise UserValueError(
                    f"Localizer: test_cfg has no setting {key!r}, only {list(_TEST_SETTINGS)}."
                    f"{did_you_mean(key, _TEST_SETTINGS)}"
                )
        self.scales, self.crop = ({**_TEST_SETTINGS, **settings}[key] for key in _TEST_SETTINGS)
        if not self.scales or min(self.scales) < (self.crop or 1):
            raise UserValueError(
                f"Localizer: test_cfg has scales={self.scales} and crop={self.crop}: give one or "
                "more short sides in pixels, none below the crop."
            )

    def forward(
        self, inputs: Tensor, data_samples: Sequence[Any] | None = None, mode: str = "tensor"
    ) -> Any:
        """Return features ("tensor"), losses ("loss"), or samples with results ("predict").

        Args:
            inputs: Normalized images, (N, 3, H, W).
        """
        if mode == "tensor":
            return self.features(inputs)
        if not data_samples:
            raise UserValueError(f"Localizer: mode='{mode}' needs data samples with gt_label.")
        if mode == "loss":
            return self.head.loss(self.features(inputs), inputs.shape[-2:], data_samples)
        if mode == "predict":
            return self.predict(inputs, data_samples)
        hint = did_you_mean(mode, ("tensor", "loss", "predict"))
        raise UserValueError(f"Localizer: mode is 'tensor', 'loss' or 'predict', not {mode}.{hint}")

    def features(self, inputs: Tensor) -> Tensor:
        """Return the backbone's last feature map, (N, C, H, W)."""
        return self.backbone(inputs)[-1]

    def predict(self, inputs: Tensor, data_samples: Sequence[Any]) -> list[Any]:
        """Return the samples with :data:`mmresnet.models.localizers.results.FIELDS`."""
        boxes, scores, classes = self.propose(inputs, data_samples, 1)
        return [
            set_results(*one)
            for one in zip(data_samples, classes, boxes[:, :, 0], scores[:, :, 0], strict=True)
        ]

    @torch.no_grad()
    def propose(
        self, inputs: Tensor, data_samples: Sequence[Any], count: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Find the boxes of highest score for each of an image's K classes.

        Where an image has fewer anchors than ``count``, the last box is repeated, with score 0.

        Args:
            inputs: Images in their own size, padded below and on the right to (N, 3, H, W).
            data_samples: With ``img_shape``, ``gt_label``, and maybe ``predicted_classes``.

        Returns:
            Boxes, (N, K, count, 4), in pixels of the image, by descending score; scores in [0, 1],
            (N, K, count); and the classes, int64 (N, K): the image's own, then those predicted.
        """
        images = without_padding(inputs, [one.img_shape for one in data_samples])
        classes = wanted_classes(data_samples, self.head.num_classes).to(inputs.device)
        found: list[list[tuple[Tensor, Tensor]]] = [[] for _ in images]
        for scale in self.scales:
            views = [view(image, scale, self.crop) for image in images]
            for of_image, one in zip(found, self._find(views, classes), strict=True):
                of_image.append(one)
        best = [_best(of_image, count) for of_image in found]
        return torch.stack([one[0] for one in best]), torch.stack([one[1] for one in best]), classes

    def _find(self, views: list[View], classes: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return all boxes of each image, (K, M, 4), in its pixels, and their scores, (K, M)."""
        found: dict[int, tuple[Tensor, Tensor]] = {}
        for indices, pixels in batches(views):
            features = self.features(pixels)
            logits, deltas = self.head(features, classes[indices])
            boxes = decode(deltas, self.head.anchors(features, pixels.shape[-2:]))
            for place, index in enumerate(indices):
                found[index] = views[index].to_image(boxes[place]), logits[place].sigmoid()
        return [found[index] for index in range(len(views))]


def _best(found: list[tuple[Tensor, Tensor]], count: int) -> tuple[Tensor, Tensor]:
    """Return the boxes, (K, count, 4), of the highest scores, (K, count), at all scales."""
    boxes, scores = (torch.cat(parts, dim=1) for parts in zip(*found, strict=True))
    scores, order = scores.topk(min(count, scores.shape[1]), dim=1)
    boxes = boxes.gather(1, order[..., None].expand(-1, -1, 4))
    missing = count - scores.shape[1]
    boxes = torch.cat([boxes, boxes[:, -1:].expand(-1, missing, -1)], dim=1)
    return boxes, functional.pad(scores, (0, missing))
