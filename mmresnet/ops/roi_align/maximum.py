"""Max RoIAlign in plain PyTorch, for any device."""

import torch
from torch import Tensor

from mmresnet.ops.roi_align.samples import Axis, Bins, interpolation


@torch.no_grad()
def forward(features: Tensor, bins: Bins) -> tuple[Tensor, Tensor, Tensor]:
    """Find the largest sample of each bin in `features`, (N, C, H, W), of the dtype of `bins`.

    Computes one sample of all bins at a time: a box takes a few times C x rows x columns numbers.

    Returns:
        The maxima and their y and x coordinates on the map, each (R, C, rows, columns). A bin
        without samples has the value 0 and coordinates -1. (mmcv's kernels give it -10000 on the
        CPU and the lowest float32 on a GPU.)
    """
    channels, height, width = features.shape[1:]
    table = features.permute(0, 2, 3, 1).reshape(-1, channels)
    shape = (len(bins), *bins.size, channels)
    best = features.new_full(shape, -torch.inf)
    best_y, best_x = features.new_full(shape, -1), features.new_full(shape, -1)
    for i in range(int(bins.rows.count.max())):
        for j in range(int(bins.columns.count.max())):
            # the boxes that have a sample (i, j) in each bin
            boxes = ((bins.rows.count > i) & (bins.columns.count > j)).nonzero()[:, 0]
            if len(boxes) == 0:
                continue
            some = bins[boxes]
            y = some.rows.samples(features.new_tensor([i]))
            x = some.columns.samples(features.new_tensor([j])).transpose(1, 2)
            value = features.new_zeros(())
            for pixel_y, weight_y in interpolation(y, height):
                for pixel_x, weight_x in interpolation(x, width):
                    pixel = (some.image[:, None, None] * height + pixel_y) * width + pixel_x
                    value = value + (weight_y * weight_x)[..., None] * table[pixel]
            larger = value > best[boxes]
            best[boxes] = torch.where(larger, value, best[boxes])
            best_y[boxes] = torch.where(larger, y[..., None], best_y[boxes])
            best_x[boxes] = torch.where(larger, x[..., None], best_x[boxes])
    best = torch.where(best == -torch.inf, 0, best)
    maxima, y, x = (found.permute(0, 3, 1, 2) for found in (best, best_y, best_x))
    return maxima, y, x


@torch.no_grad()
def backward(
    gradient: Tensor, bins: Bins, argmax_y: Tensor, argmax_x: Tensor, input_shape: torch.Size
) -> Tensor:
    """Distribute the gradient of each maximum to the four pixels around it.

    Returns:
        The gradient of the map, of `input_shape`, (N, C, H, W).
    """
    images, channels, height, width = input_shape
    sampled = (bins.rows.count > 0) & (bins.columns.count > 0)
    gradient = torch.where(sampled[:, None, None, None], gradient, 0)
    y = _sample(argmax_y, bins.rows, bins.rows.start[:, None, :, None])
    x = _sample(argmax_x, bins.columns, bins.columns.start[:, None, None, :])
    plane = bins.image[:, None] * channels + torch.arange(channels, device=gradient.device)
    result = gradient.new_zeros(images * channels * height * width)
    for pixel_y, weight_y in interpolation(y, height):
        for pixel_x, weight_x in interpolation(x, width):
            pixel = (plane[:, :, None, None] * height + pixel_y) * width + pixel_x
            result.index_add_(0, pixel.flatten(), (gradient * weight_y * weight_x).flatten())
    return result.view(images, channels, height, width)


def _sample(coordinate: Tensor, axis: Axis, start: Tensor) -> Tensor:
    """The sample nearest to `coordinate`, which may have been rounded to half precision."""
    step, count = axis.step[:, None, None, None], axis.count[:, None, None, None].clamp(min=1)
    index = ((coordinate.to(start.dtype) - start) / step * count - 0.5).round()
    # in a bin without extent all samples are the same
    index = torch.where(step == 0, 0, index).clamp(min=0)
    return start + (torch.minimum(index, count - 1) + 0.5) * step / count
