"""Where RoIAlign samples the feature map, along one axis at a time."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Axis:
    """The bins of R boxes along one axis of the feature map, in pixels.

    Args:
        start: Start of each bin, (R, bins).
        step: Extent of a bin, (R,).
        count: Samples per bin, (R,), whole numbers.
    """

    start: Tensor
    step: Tensor
    count: Tensor

    def __getitem__(self, boxes: Tensor | slice) -> "Axis":
        return Axis(self.start[boxes], self.step[boxes], self.count[boxes])

    def samples(self, index: Tensor) -> Tensor:
        """Coordinates of the samples `index`, (S,), of each bin: (R, bins, S)."""
        offset = (index + 0.5) * self.step[:, None] / self.count.clamp(min=1)[:, None]
        return self.start[:, :, None] + offset[:, None, :]


@dataclass
class Bins:
    """The bins of R boxes.

    Args:
        image: Index of each box's image, (R,), integers.
        rows: The bins along y.
        columns: The bins along x.
    """

    image: Tensor
    rows: Axis
    columns: Axis

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, boxes: Tensor | slice) -> "Bins":
        return Bins(self.image[boxes], self.rows[boxes], self.columns[boxes])

    @property
    def dtype(self) -> torch.dtype:
        """What coordinates and weights are computed in: float32 or float64."""
        return self.rows.start.dtype

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of bins of each box."""
        return self.rows.start.shape[1], self.columns.start.shape[1]


def divide(
    rois: Tensor,
    size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> Bins:
    """Divide `rois`, rows of (image, x1, y1, x2, y2), into `size` bins.

    With ``sampling_ratio=0`` a bin has one sample per pixel of its extent, rounded up, and so none
    if a box has no extent.

    Rounds where torchvision's ``roi_align_kernel.cpp`` rounds: a difference in the last bit could
    change the number of samples, and whether a sample is on the map.
    """
    edges = rois[:, 1:] * spatial_scale - (0.5 if aligned else 0.0)
    axes = []
    for axis, bins in ((1, size[0]), (0, size[1])):
        start, extent = edges[:, axis], edges[:, axis + 2] - edges[:, axis]
        if not aligned:
            extent = extent.clamp(min=1)
        step = extent / bins
        if sampling_ratio > 0:
            count = torch.full_like(step, sampling_ratio)
        else:
            count = step.ceil().clamp(min=0)
        index = torch.arange(bins, dtype=rois.dtype, device=rois.device)
        axes.append(Axis(start[:, None] + index * step[:, None], step, count))
    return Bins(rois[:, 0].long(), *axes)


def interpolation(coordinate: Tensor, extent: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """Two pairs (pixel, weight): the neighbours of `coordinate` on an axis of `extent` pixels.

    A coordinate up to one pixel outside takes the border's value; farther outside the weights are
    zero.
    """
    inside = (coordinate >= -1) & (coordinate <= extent)
    position = coordinate.clamp(0, extent - 1)
    low = position.floor().clamp(max=max(extent - 2, 0))
    fraction = position - low
    high = (low + 1).clamp(max=extent - 1)
    return (
        (low.long(), torch.where(inside, 1 - fraction, 0)),
        (high.long(), torch.where(inside, fraction, 0)),
    )
