"""RoIAlign with the signature of mmcv's compiled operator (see ``mmcv/ops/roi_align.py``).

The average is computed by torchvision's kernels or, on the CPU where that is faster, as a sparse
product (:mod:`.sparse`); the maximum in plain PyTorch (:mod:`.maximum`). All compute in float32, or
in float64 for float64 tensors, and round to the dtype of the output.
"""

from functools import cache
from importlib.util import find_spec

import torch
import torchvision  # noqa: F401  (registers torch.ops.torchvision)
from torch import Tensor

from mmresnet.errors import UserValueError
from mmresnet.ops.precision import working_type
from mmresnet.ops.roi_align import maximum, sparse
from mmresnet.ops.roi_align.samples import Bins, divide

MAX = 0


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Pool the feature map over the bins of each box.

    Args:
        input: The map, (N, C, H, W), in any order in memory.
        rois: The boxes, (R, 5): index of the image, x1, y1, x2, y2.
        output: Receives the result, (R, C, aligned_height, aligned_width). A bin without samples,
            of a box of zero size under ``sampling_ratio=0``, gives 0.
        argmax_y: With ``pool_mode=0``, receives y of the largest sample, in pixels of the map, in
            the shape of `output`; -1 in a bin without samples.
        argmax_x: Likewise x.
        aligned_height: Rows of bins.
        aligned_width: Columns of bins.
        spatial_scale: Pixels of the map per unit of the boxes.
        sampling_ratio: Samples per bin along each axis; 0 for one per pixel, rounded up.
        pool_mode: 0 for the maximum of the samples, 1 for their average.
        aligned: Whether pixel centres are at half-integers, so that boxes are shifted by half a
            pixel. If not, a box is also at least one pixel wide and high.

    Raises:
        ValueError: On the CPU: a box is not finite, or its image index is out of range.
    """
    if output.numel() == 0:
        return
    size = (aligned_height, aligned_width)
    boxes = _checked(rois, input.shape[0], working_type(input))
    bins = divide(boxes, size, spatial_scale, sampling_ratio, aligned)
    if pool_mode == MAX:
        for target, found in zip(
            (output, argmax_y, argmax_x), maximum.forward(_wide(input), bins), strict=True
        ):
            target.copy_(found)
    elif _sparse_forward(input, bins):
        sparse.forward(input, bins, output)
    else:
        pooled = torch.ops.torchvision.roi_align(
            _wide(input),
            _ordered(boxes, sampling_ratio),
            spatial_scale,
            *size,
            sampling_ratio,
            aligned,
        )
        output.copy_(pooled)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Write the gradient of the map into `grad_input`, (N, C, H, W), for that of the output.

    The other arguments, and what is raised, are those of :func:`roi_align_forward`.
    """
    if grad_output.numel() == 0:
        grad_input.zero_()
        return
    if grad_output.is_cuda and torch.are_deterministic_algorithms_enabled():
        # the kernel of a GPU adds in any order, and refuses; that of a CPU does not
        gradient = torch.empty_like(grad_input, device="cpu")
        roi_align_backward(
            grad_output.cpu(),
            rois.cpu(),
            argmax_y.cpu(),
            argmax_x.cpu(),
            gradient,
            aligned_height,
            aligned_width,
            spatial_scale,
            sampling_ratio,
            pool_mode,
            aligned,
        )
        grad_input.copy_(gradient)
        return
    size = (aligned_height, aligned_width)
    boxes = _checked(rois, grad_input.shape[0], working_type(grad_output))
    bins = divide(boxes, size, spatial_scale, sampling_ratio, aligned)
    if pool_mode == MAX:
        gradient = maximum.backward(_wide(grad_output), bins, argmax_y, argmax_x, grad_input.shape)
        grad_input.copy_(gradient)
    elif _sparse_backward(grad_input, bins):
        sparse.backward(grad_output, bins, grad_input)
    else:
        gradient = torch.ops.torchvision._roi_align_backward(
            _wide(grad_output),
            _ordered(boxes, sampling_ratio),
            spatial_scale,
            *size,
            *grad_input.shape,
            sampling_ratio,
            aligned,
        )
        grad_input.copy_(gradient)


def _sparse_forward(features: Tensor, bins: Bins) -> bool:
    """Whether the sparse product is faster than torchvision's kernel.

    Building the matrix takes the same time for any number of channels, so it pays with many. One
    of the two has to reorder the map: torchvision if it is channels-last, otherwise the product,
    which then pays from one sample for every two pixels on.
    """
    images, channels, height, width = features.shape
    # NumPy cannot compute with sizes that are traced, as where multiply-adds are counted
    traced = torch.jit.is_tracing()  # type: ignore[attr-defined]
    if traced or features.device.type != "cpu" or channels < 64:
        return False
    pixels, samples = images * height * width, _samples(bins)
    if features.permute(0, 2, 3, 1).is_contiguous():
        return (samples + pixels) * channels >= 2**20
    return samples * channels >= 2**20 and samples >= pixels / 2


def _sparse_backward(gradient: Tensor, bins: Bins) -> bool:
    """Whether the sparse product is faster than torchvision's kernel; more often than forward."""
    images, channels, height, width = gradient.shape
    if gradient.device.type != "cpu" or channels < 8 or not _has_scipy():
        return False
    samples = _samples(bins)
    return samples * channels >= 2**17 and samples >= images * height * width / 8


def _samples(bins: Bins) -> float:
    """Return the number of samples; on a GPU this would wait for the device."""
    rows, columns = bins.size
    return rows * columns * float((bins.rows.count * bins.columns.count).sum())


@cache
def _has_scipy() -> bool:
    """Whether scipy is installed, which mmdet requires and mmcv does not."""
    return find_spec("scipy") is not None


def _checked(rois: Tensor, images: int, dtype: torch.dtype) -> Tensor:
    """Return the boxes in `dtype`, checked on the CPU; on a GPU a check would synchronize."""
    boxes = rois.to(dtype)
    if boxes.device.type == "cpu":
        finite = boxes.isfinite().all(1)
        if not finite.all():
            row = int(finite.logical_not().nonzero()[0])
            raise UserValueError(
                f"Box {row} of {len(boxes)} is not finite, {boxes[row].tolist()}: "
                "the training has probably diverged."
            )
        low, high = (int(index) for index in boxes[:, 0].aminmax())
        if low < 0 or high >= images:
            raise UserValueError(
                f"The boxes are in images {low} to {high}, but the feature map has {images}: "
                f"the first column of rois must be from 0 to {images - 1}."
            )
    return boxes


def _ordered(boxes: Tensor, sampling_ratio: int) -> Tensor:
    """Make boxes empty whose end precedes their start, on which torchvision would fail."""
    if sampling_ratio > 0:
        return boxes
    return torch.cat((boxes[:, :3], torch.maximum(boxes[:, 1:3], boxes[:, 3:])), 1)


def _wide(tensor: Tensor) -> Tensor:
    return tensor.to(working_type(tensor))
