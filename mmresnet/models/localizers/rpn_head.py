"""The per-class RPN head of the paper's ImageNet localization (He et al. 2015, Appendix C)."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmresnet.errors import UserValueError
from mmresnet.models.checks import positive_integer
from mmresnet.models.heads.targets import single_labels
from mmresnet.models.localizers.boxes import anchors, encode
from mmresnet.models.localizers.per_class import PerClassLayers
from mmresnet.models.localizers.targets import label_anchors, sample
from mmresnet.registry import MODELS

NORMAL_INIT = {"type": "Normal", "layer": "Conv2d", "std": 0.01}


@MODELS.register_module()
class PerClassRPNHead(BaseModule):
    """A region proposal network with a classifier and a box regressor for each class.

    As in Faster R-CNN, a 3×3 convolution with ReLU comes before the two sibling 1×1 convolutions.
    The loss of an image is that of its own class: its anchors near an object are positive for this
    class, and the outputs for other classes get no gradient.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the feature map.
        feat_channels: Channels of the 3×3 convolution.
        stride: Pixels of the image for each position of the feature map.
        anchor_sizes: Square roots of the areas of anchors, in pixels.
        anchor_ratios: Heights of anchors over their widths.
        samples_per_image: Anchors that the loss takes from each image, half of them positive as far
            as there are so many.
        positive_iou: Anchors with at least this IoU with an object are positive; those with the
            highest IoU of an object are, too.
        negative_iou: Other anchors below this IoU with all objects are negative.
        beta: Where the smooth L1 loss becomes linear.
        init_cfg: How to initialise.

    Raises:
        ValueError: A number is not positive, or the IoUs are not 0 < negative <= positive <= 1.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        feat_channels: int = 512,
        stride: int = 32,
        anchor_sizes: Sequence[float] = (64, 128, 256),
        anchor_ratios: Sequence[float] = (0.5, 1.0, 2.0),
        samples_per_image: int = 8,
        positive_iou: float = 0.7,
        negative_iou: float = 0.3,
        beta: float = 1 / 9,
        init_cfg: dict[str, Any] | None = NORMAL_INIT,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        name = type(self).__name__
        self.num_classes = positive_integer(name, "num_classes", num_classes)
        self.stride = positive_integer(name, "stride", stride)
        self.samples_per_image = positive_integer(name, "samples_per_image", samples_per_image)
        for keyword, values in (("anchor_sizes", anchor_sizes), ("anchor_ratios", anchor_ratios)):
            if not values or min(values) <= 0:
                raise UserValueError(f"{name}: {keyword}={values} must be positive numbers.")
        if not 0 < negative_iou <= positive_iou <= 1:
            raise UserValueError(
                f"{name}: negative_iou={negative_iou} and positive_iou={positive_iou} must be "
                "0 < negative_iou <= positive_iou <= 1."
            )
        self.sizes, self.ratios = tuple(anchor_sizes), tuple(anchor_ratios)
        self.positive_iou, self.negative_iou, self.beta = positive_iou, negative_iou, beta
        self.conv = nn.Conv2d(in_channels, feat_channels, 3, padding=1)
        number = len(self.sizes) * len(self.ratios)
        self.outputs = PerClassLayers(feat_channels, num_classes, number)

    def forward(self, features: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits, (N, K, M), and box regressors, (N, K, M, 4), of the map's M anchors.

        Args:
            features: (N, ``in_channels``, H, W).
            classes: Those to compute, int64 (N, K).
        """
        return self.outputs(F.relu(self.conv(features)), classes)

    def anchors(self, features: Tensor, image_size: Sequence[int]) -> Tensor:
        """Return the anchors of a feature map, (M, 4), in pixels of the net's input.

        Raises:
            ValueError: The map of an image of this height and width has another stride.
        """
        height, width = features.shape[-2:]
        expected = tuple(-(-side // self.stride) for side in image_size)
        if (height, width) != expected:
            strides = ", ".join(
                f"{side / cells:.3g}"
                for side, cells in zip(image_size, (height, width), strict=True)
            )
            raise UserValueError(
                f"{type(self).__name__} has stride={self.stride}, with which an image of "
                f"{tuple(image_size)} pixels has a feature map of {expected}, but the backbone's "
                f"is {(height, width)}: set stride to about {strides}."
            )
        found = anchors(height, width, self.stride, self.sizes, self.ratios)
        return found.to(features.device)

    def loss(
        self, features: Tensor, image_size: Sequence[int], data_samples: Sequence[Any]
    ) -> dict[str, Tensor]:
        """Return ``loss_cls`` and ``loss_bbox``, both averaged over all sampled anchors.

        Args:
            features: (N, ``in_channels``, H, W).
            image_size: Height and width of the images.
            data_samples: With ``gt_label``, and ``gt_bboxes``, (n, 4), in pixels of the input.

        Raises:
            ValueError: A label is missing or out of range, or the stride is another.
        """
        labels = single_labels(data_samples, self.num_classes).to(features.device)
        all_logits, all_deltas = self(features, labels[:, None])
        references = self.anchors(features, image_size)
        logits, wanted, deltas, targets = [], [], [], []
        for index, one in enumerate(data_samples):
            boxes = torch.as_tensor(one.gt_bboxes, device=features.device)
            kinds, matched = label_anchors(references, boxes, self.positive_iou, self.negative_iou)
            chosen = sample(kinds, self.samples_per_image)
            positive = chosen[kinds[chosen] == 1]
            logits.append(all_logits[index, 0, chosen])
            wanted.append(kinds[chosen])
            deltas.append(all_deltas[index, 0, positive])
            if len(boxes):
                targets.append(encode(boxes[matched[positive]], references[positive]))
        score, target = torch.cat(logits), torch.cat(wanted).float()
        moved = torch.cat(deltas)
        goal = torch.cat(targets) if targets else torch.zeros_like(moved)
        distance = F.smooth_l1_loss(moved, goal, beta=self.beta, reduction="sum")
        return {
            "loss_cls": F.binary_cross_entropy_with_logits(score, target),
            "loss_bbox": distance / max(len(score), 1),
        }
