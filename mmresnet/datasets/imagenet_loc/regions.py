"""One region of an image for training: R-CNN with a batch of regions from as many images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from torchvision.ops import box_iou

from mmresnet.errors import UserError, UserValueError
from mmresnet.models.localizers.boxes import encode
from mmresnet.models.localizers.regions import STDS, warp
from mmresnet.registry import TRANSFORMS


@TRANSFORMS.register_module()
class CropRegion(BaseTransform):
    """Replaces an image by one of its proposals for its own class, warped to a square.

    A proposal is positive if its IoU with a box of the class is at least ``positive_iou``. R-CNN
    (Girshick et al. 2014) has one positive region for three others in a batch; here one is drawn
    from the positive proposals with this probability, and else from the others, as far as the image
    has such.

    Args:
        size: Height and width of the result in pixels.
        positive_iou: See above.
        positive_share: The probability.
        flip_prob: The probability of mirroring the region and its box.

    Raises:
        ValueError: A number is out of range.
        UserError: In ``transform``, for an image without proposals.
    """

    def __init__(
        self,
        size: int = 224,
        positive_iou: float = 0.5,
        positive_share: float = 0.25,
        flip_prob: float = 0.5,
    ) -> None:
        for name, value in (
            ("positive_iou", positive_iou),
            ("positive_share", positive_share),
            ("flip_prob", flip_prob),
        ):
            if not 0 <= value <= 1:
                raise UserValueError(f"CropRegion: {name}={value} must be from 0 to 1.")
        if size < 1:
            raise UserValueError(f"CropRegion: size={size} must be at least 1.")
        self.size, self.positive_iou = size, positive_iou
        self.positive_share, self.flip_prob = positive_share, flip_prob

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Set ``img``, (size, size, 3), ``region_label``, 1 or 0, and ``region_deltas``, (4,)."""
        if "proposals" not in results:
            raise UserError(
                f"CropRegion: '{results.get('img_path')}' has no proposals: write them with "
                "'mmresnet propose --split train', and set the data set's proposals."
            )
        proposals = torch.from_numpy(np.array(results["proposals"][0]))
        size = proposals[:, 2:] - proposals[:, :2]
        proposals = proposals[(size >= 1).all(1)]
        boxes = torch.from_numpy(results["gt_bboxes"])
        if not len(proposals):  # a part of the image that an anchor covers is not narrower
            proposals = boxes
        overlaps, matched = box_iou(proposals, boxes).max(dim=1)
        chosen = self._choose((overlaps >= self.positive_iou).numpy())
        region, box = proposals[chosen], boxes[matched[chosen]]
        image = torch.from_numpy(results["img"]).permute(2, 0, 1).float()
        crop = warp(image, region[None], self.size)[0].round().to(torch.uint8)
        deltas = encode(box, region, STDS).numpy()
        pixels = crop.permute(1, 2, 0).numpy()
        if np.random.random_sample() < self.flip_prob:
            pixels, deltas = pixels[:, ::-1], deltas * np.array([-1, 1, 1, 1], np.float32)
        results["img"] = np.ascontiguousarray(pixels)
        results["img_shape"] = results["img"].shape[:2]
        results["region_label"] = int(overlaps[chosen] >= self.positive_iou)
        results["region_deltas"] = deltas
        return results

    def _choose(self, positive: np.ndarray) -> int:
        wanted = np.random.random_sample() < self.positive_share
        candidates = np.flatnonzero(positive == wanted)
        if not len(candidates):
            candidates = np.arange(len(positive))
        return int(np.random.choice(candidates))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(size={self.size}, positive_iou={self.positive_iou}, "
            f"positive_share={self.positive_share}, flip_prob={self.flip_prob})"
        )
