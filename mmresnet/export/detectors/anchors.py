"""What mmdet's anchor heads predict on the levels of feature maps, decoded and suppressed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmresnet.export.detectors.boxes import Boxes, decode, larger, suppress


class AnchorBoxes(nn.Module):
    """The boxes of a head with anchors: all that differs between the heads is :meth:`best`.

    Args:
        head: mmdet's head, for its layers and ``test_cfg``.
    """

    def __init__(self, head: Any) -> None:
        super().__init__()
        self.head = head
        self.strides = head.prior_generator.strides  # (x, y)
        for level, base in enumerate(head.prior_generator.base_anchors):
            self.register_buffer(f"base{level}", base.float(), persistent=False)

    def boxes(self, maps: Sequence[Tensor], limit: Tensor) -> Boxes:
        """Return the boxes in maps (1, C, H, W) of an image.

        Args:
            limit: Width, height, width and height of the image in pixels, (4,).
        """
        head: Any = self.head
        levels = [
            self._level(level, logits, deltas, limit)
            for level, (logits, deltas) in enumerate(zip(*head(maps), strict=True))
        ]
        joined = Boxes(*(torch.cat(parts) for parts in zip(*levels, strict=True)))
        joined = larger(joined, head.test_cfg.get("min_bbox_size", -1))
        return suppress(joined, limit, head.test_cfg)

    def _level(self, level: int, logits: Tensor, deltas: Tensor, limit: Tensor) -> Boxes:
        head: Any = self.head
        anchors = self._anchors(level, *logits.shape[2:])
        logits, deltas = (_rows(one, head.num_base_priors) for one in (logits, deltas))
        scores = logits.sigmoid() if head.use_sigmoid_cls else logits.softmax(1)[:, :-1]
        rows, scores, groups = self.best(level, scores)
        return Boxes(decode(head.bbox_coder, anchors[rows], deltas[rows], limit), scores, groups)

    def best(self, level: int, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return rows of scores (anchors, classes), the scores chosen there, and their groups."""
        raise NotImplementedError

    def _top(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Return the ``nms_pre`` highest of (N,) and their indices; there may be fewer."""
        most = self.head.test_cfg.get("nms_pre", -1)
        number = scores.shape[0] if most <= 0 else torch.sym_min(scores.shape[0], most)
        return scores.topk(number)

    def _anchors(self, level: int, height: int, width: int) -> Tensor:
        """Return the anchors of a map, (H * W * A, 4), as mmdet's ``AnchorGenerator`` does."""
        base: Tensor = getattr(self, f"base{level}")
        stride_x, stride_y = self.strides[level]
        x = (torch.arange(width, device=base.device) * stride_x).float()
        y = (torch.arange(height, device=base.device) * stride_y).float()
        y, x = (one.flatten() for one in torch.meshgrid(y, x, indexing="ij"))
        shifts = torch.stack((x, y, x, y), 1)
        return (base + shifts[:, None]).flatten(0, 1)


class Proposals(AnchorBoxes):
    """The boxes of an ``RPNHead``, in which each level is suppressed by itself."""

    def forward(self, maps: Sequence[Tensor], limit: Tensor) -> Tensor:
        """Return the boxes, (R, 4), by descending score."""
        return self.boxes(maps, limit).corners

    def best(self, level: int, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        best, rows = self._top(scores[:, 0])
        return rows, best, torch.full_like(rows, level)


class DenseDetections(AnchorBoxes):
    """The detections of a one-stage head, such as ``RetinaHead``."""

    def forward(self, maps: Sequence[Tensor], limit: Tensor) -> Boxes:
        """Return the detections, grouped by class, by descending score."""
        return self.boxes(maps, limit)

    def best(self, level: int, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        best, indices = self._top(scores.flatten())
        likely = (best > self.head.test_cfg.get("score_thr", 0)).nonzero()[:, 0]
        best, indices = best[likely], indices[likely]
        return indices // scores.shape[1], best, indices % scores.shape[1]


def _rows(output: Tensor, anchors: int) -> Tensor:
    """Return a row for each anchor: (1, A * D, H, W) to (H * W * A, D)."""
    return output[0].permute(1, 2, 0).contiguous().view(-1, output.shape[1] // anchors)
