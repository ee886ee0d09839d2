"""RoIPool (Girshick 2015, Fast R-CNN); agrees with ``mmcv/ops/csrc/common/cuda``.

torchvision's kernel rounds a box to whole pixels before it divides it into bins; mmcv's divides it
first and rounds each bin outwards. So the bins are computed here, and PyTorch finds their maxima.
"""

import torch
from torch import Tensor

from mmresnet.errors import UserValueError
from mmresnet.ops.precision import working_type


def roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Write the maximum of each bin into ``output``, and its position into ``argmax``.

    Args:
        input: Feature maps, (N, C, H, W).
        rois: Rows of (image, x1, y1, x2, y2), (R, 5).
        output: (R, C, pooled_height, pooled_width). Zero where a bin is outside the map.
        argmax: The same shape: ``y * W + x``, or -1 where a bin is outside the map.
        pooled_height: Bins over the height of a box.
        pooled_width: Bins over its width.
        spatial_scale: Pixels of the map per pixel of the image.

    Raises:
        ValueError: The image index of a box is out of range.
    """
    output.zero_()
    argmax.fill_(-1)
    if output.numel() == 0:
        return
    images = _images(rois, len(input))
    height, width = input.shape[2:]
    boxes = rois.to(working_type(input, rois))
    rows = _bins(boxes[:, 2], boxes[:, 4], pooled_height, height, spatial_scale)
    columns = _bins(boxes[:, 1], boxes[:, 3], pooled_width, width, spatial_scale)
    for image, row_bins, column_bins, values, pixels in zip(
        images, rows, columns, output, argmax, strict=True
    ):
        across = {q: bin for q, bin in enumerate(column_bins) if bin[0] < bin[1]}
        if not across:
            continue
        # over columns first, so that of equal maxima the first in reading order is taken
        ends = [input[image, :, :, start:stop].max(2) for start, stop in across.values()]
        highest = torch.stack([end.values for end in ends], 2)
        x = torch.stack([end.indices for end in ends], 2)
        x += x.new_tensor([start for start, _ in across.values()])
        for p, (start, stop) in enumerate(row_bins):
            if start < stop:
                value, y = highest[:, start:stop].max(1)
                values[:, p, list(across)] = value
                y += start
                pixels[:, p, list(across)] = (y * width + x.gather(1, y[:, None])[:, 0]).int()


def roi_pool_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax: Tensor,
    grad_input: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Write the gradient of the feature maps: each bin's goes to the pixel of its maximum.

    Args:
        grad_output: (R, C, pooled_height, pooled_width).
        rois: As in :func:`roi_pool_forward`.
        argmax: As written by the forward pass.
        grad_input: (N, C, H, W), receives the gradient.
        pooled_height, pooled_width: Not needed: given by the shape of ``grad_output``.
        spatial_scale: Not needed: ``argmax`` refers to pixels of the map.
    """
    grad_input.zero_()
    if grad_output.numel() == 0:
        return
    channels, height, width = grad_input.shape[1:]
    plane = rois[:, :1].long() * channels + torch.arange(channels, device=rois.device)
    pixel = plane[:, :, None, None] * height * width + argmax
    found = argmax >= 0
    total = grad_input.new_zeros(grad_input.numel(), dtype=working_type(grad_input))
    total.index_add_(0, pixel[found], grad_output[found].to(total))
    grad_input.copy_(total.view(grad_input.shape))


def _images(rois: Tensor, count: int) -> list[int]:
    images = rois[:, 0].long().tolist()
    for index, image in enumerate(images):
        if not 0 <= image < count:
            raise UserValueError(
                f"Box {index} is in image {image}, but the batch has images 0 to {count - 1}."
            )
    return images


def _bins(
    low: Tensor, high: Tensor, bins: int, extent: int, spatial_scale: float
) -> list[list[tuple[int, int]]]:
    """Return the first pixel of each bin and the one after its last, along one axis of the map.

    ``high`` is the last pixel inside a box. A box whose end precedes its start has empty bins.
    """
    start = low * spatial_scale
    length = (high + 1) * spatial_scale - start
    edges = torch.arange(bins + 1, device=low.device) * (length / bins)[:, None] + start[:, None]
    first = edges[:, :-1].floor().clamp(0, extent).long()
    after = edges[:, 1:].ceil().clamp(0, extent).long()
    after = torch.where(length[:, None] > 0, after, first)
    return [
        list(zip(*pair, strict=True)) for pair in zip(first.tolist(), after.tolist(), strict=True)
    ]
