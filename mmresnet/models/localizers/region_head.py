"""The per-class layers of the paper's R-CNN for localization (He et al. 2015, Appendix C)."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from mmresnet.models.checks import positive_integer
from mmresnet.models.heads.targets import single_labels
from mmresnet.models.localizers.per_class import PerClassLayers
from mmresnet.registry import MODELS

NORMAL_INIT = {"type": "Normal", "layer": "Conv2d", "std": 0.01}


@MODELS.register_module()
class PerClassRegionHead(BaseModule):
    """Global average pooling and two sibling layers: a logit and a box regressor for each class.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the feature map.
        init_cfg: How to initialise.

    Raises:
        ValueError: A number is not positive.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        init_cfg: dict[str, Any] | None = NORMAL_INIT,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        name = type(self).__name__
        self.num_classes = positive_integer(name, "num_classes", num_classes)
        self.outputs = PerClassLayers(
            positive_integer(name, "in_channels", in_channels), num_classes, 1
        )

    def forward(self, features: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logit, (N,), and box regressors, (N, 4), of a region for its class.

        Args:
            features: (N, ``in_channels``, H, W).
            classes: int64 (N,).
        """
        pooled = features.mean((2, 3), keepdim=True)
        logits, deltas = self.outputs(pooled, classes[:, None])
        return logits[:, 0, 0], deltas[:, 0, 0]

    def loss(self, features: Tensor, data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """Return ``loss_cls`` and ``loss_bbox``, both averaged over the regions.

        Only positive regions have a box to regress to.

        Args:
            data_samples: With ``gt_label``, ``region_label``, 1 for a region that shows the
                object and else 0, and ``region_deltas``, (4,).

        Raises:
            ValueError: A label is missing or out of range.
        """
        device = features.device
        classes = single_labels(data_samples, self.num_classes).to(device)
        logits, deltas = self(features, classes)
        labels = torch.tensor([one.region_label for one in data_samples], device=device)
        targets = torch.stack([torch.as_tensor(one.region_deltas) for one in data_samples])
        positive = labels == 1
        distance = F.smooth_l1_loss(deltas[positive], targets.to(device)[positive], reduction="sum")
        return {
            "loss_cls": F.binary_cross_entropy_with_logits(logits, labels.float()),
            "loss_bbox": distance / len(labels),
        }
