"""Average RoIAlign on the CPU as the product of a sparse matrix and the feature map.

An output is a weighted sum of pixels, with the same weights for every channel. Let the map be a
matrix of one row per pixel, (N * H * W, C), which channels-last order is already. Then the outputs
are ``A @ map`` and the gradient of the map is ``A.T @ gradient``, where `A` has a row for each bin
and an entry for each pixel that the bin touches: samples that fall on the same pixels are merged,
along each axis, and the axes multiplied. PyTorch's ``embedding_bag`` computes such products on all
threads, with vector instructions. It adds the entries of a row in their order, so that the same
input gives the same bits, whatever the number of threads.

Memory besides input and output: the matrix of a chunk of boxes, about 40 bytes for each of at most
``CHUNK`` entries (84 MB); and, for one block of channels at a time, the map or its gradient in
float32 and channels-last order, unless it is already, of a group of images with ``GROUP`` pixels
(at least one image), and the block's outputs: ``BLOCK`` numbers each (16 MiB), but at least 32
channels. Where a group of images needs several chunks, all channels form one block. A box that has
more entries than ``CHUNK`` is a chunk of its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from mmresnet.ops.roi_align.samples import Axis, Bins

CHUNK = 2**21
GROUP = 2**16
# small enough that freed memory is reused: the system would clear new memory at every call
BLOCK = 2**22
# pixels from which on each plane is transposed separately
LARGE = 1024


@dataclass
class Taps:
    """The pixels that the bins of R boxes touch along one axis, and their weights.

    Args:
        first: First pixel touched, (R, bins).
        count: Number of pixels touched, (R, bins).
        weight: Weights of these pixels, (R, bins, largest count), zero behind `count`.
    """

    first: np.ndarray
    count: np.ndarray
    weight: np.ndarray


@dataclass
class Matrix:
    """A sparse matrix (CSR): row i has the entries from ``offsets[i]`` up to ``offsets[i + 1]``."""

    offsets: np.ndarray
    columns: np.ndarray
    weights: np.ndarray

    def transposed(self, columns: int) -> "Matrix":
        """The transpose of this matrix of `columns` columns; entries keep their order."""
        from scipy.sparse import csr_matrix

        shape = (len(self.offsets) - 1, columns)
        matrix = csr_matrix((self.weights, self.columns, self.offsets), shape=shape).tocsc()
        return Matrix(matrix.indptr, matrix.indices, matrix.data)

    def times(self, table: Tensor) -> Tensor:
        """The product with a dense matrix of the same dtype."""
        return embedding_bag(
            torch.from_numpy(self.columns),
            table,
            torch.from_numpy(self.offsets),
            mode="sum",
            per_sample_weights=torch.from_numpy(self.weights),
            include_last_offset=True,
        )


@torch.no_grad()
def forward(features: Tensor, bins: Bins, output: Tensor) -> None:
    """Average `features`, (N, C, H, W), over each of `bins` into `output`, (R, C, rows, columns).

    Tensors may have any floating dtype and order in memory; computes in that of `bins`.
    """
    order, bins = _by_image(bins)
    result = output if isinstance(order, slice) else torch.empty_like(output)
    for images, chunks in _parts(bins, features.shape):
        maps = features[images]
        ready = maps.dtype == bins.dtype and maps.permute(0, 2, 3, 1).is_contiguous()
        matrices = _matrices(bins, chunks, images, maps.shape[2:])
        rows = max(maps[:, 0].numel(), output[:, 0].numel())
        for block in _blocks(maps.shape[1], rows, whole=ready or len(chunks) > 1):
            table = _pixels_first(maps[:, block], bins.dtype)
            for boxes, matrix in zip(chunks, matrices, strict=True):
                values = matrix.times(table).view(-1, *bins.size, table.shape[1])
                result[boxes, block] = values.permute(0, 3, 1, 2)
    if result is not output:
        output[order] = result


@torch.no_grad()
def backward(gradient: Tensor, bins: Bins, grad_input: Tensor) -> None:
    """Write the gradient of the map, for `gradient` of the output, into `grad_input`."""
    order, bins = _by_image(bins)
    gradient = gradient[order]
    for images, chunks in _parts(bins, grad_input.shape):
        planes = grad_input[images]
        if not chunks:
            planes.zero_()
            continue
        matrices = _matrices(bins, chunks, images, planes.shape[2:], transposed=True)
        rows = max(planes[:, 0].numel(), gradient[:, 0].numel())
        for block in _blocks(planes.shape[1], rows, whole=len(chunks) > 1):
            result: Any = None
            for boxes, matrix in zip(chunks, matrices, strict=True):
                product = matrix.times(_pixels_first(gradient[boxes, block], bins.dtype))
                result = product if result is None else result.add_(product)
            _channels_first(result, planes[:, block])


def _by_image(bins: Bins) -> tuple[Tensor | slice, Bins]:
    """Sort the bins by image; return the order, a slice if they are sorted, and the bins."""
    if bool((bins.image[1:] >= bins.image[:-1]).all()):
        return slice(None), bins
    order = bins.image.argsort(stable=True)
    return order, bins[order]


def _parts(bins: Bins, shape: torch.Size) -> Iterator[tuple[slice, list[slice]]]:
    """Yield groups of images with ``GROUP`` pixels, and their boxes in chunks.

    The matrix of a chunk has at most ``CHUNK`` entries.
    """
    entries, samples = torch.ones(()), torch.zeros(())
    for axis, pixels in ((bins.rows, shape[2]), (bins.columns, shape[3])):
        entries = entries * axis.start.shape[1] * (axis.step.abs() + 3).clamp(max=pixels)
        samples = samples + axis.start.shape[1] * axis.count
    per_box, samples_per_box = entries.tolist(), samples.tolist()
    together = max(1, GROUP // (shape[2] * shape[3]))
    firsts = torch.arange(0, shape[0] + together, together)
    edges = torch.searchsorted(bins.image, firsts).tolist()
    for group, (start, stop) in enumerate(pairwise(edges)):
        chunks, total, most = [], 0, 0
        for box in range(start, stop):
            total += per_box[box]
            # `_taps` pads the samples of each box to the largest number in its chunk
            most = max(most, samples_per_box[box])
            if box > start and max(total, most * (box + 1 - start)) > CHUNK:
                chunks.append(slice(start, box))
                start, total, most = box, per_box[box], samples_per_box[box]
        if start < stop:
            chunks.append(slice(start, stop))
        yield slice(group * together, min((group + 1) * together, shape[0])), chunks


def _blocks(channels: int, rows: int, whole: bool) -> list[slice]:
    """Split the channels, unless `whole`, so that tables of `rows` rows have ``BLOCK`` numbers."""
    size = channels if whole else max(BLOCK // rows // 32, 1) * 32
    return [slice(first, first + size) for first in range(0, channels, size)]


def _matrices(
    bins: Bins, chunks: list[slice], images: slice, extent: torch.Size, transposed: bool = False
) -> Iterable[Matrix]:
    """Return the matrices of `chunks` on `images`; if there are several, they are made lazily."""

    def make(boxes: slice) -> Matrix:
        matrix = _matrix(bins[boxes], images.start, extent)
        if transposed:
            matrix = matrix.transposed((images.stop - images.start) * extent.numel())
        return matrix

    return [make(boxes) for boxes in chunks] if len(chunks) == 1 else map(make, chunks)


def _taps(axis: Axis, extent: int) -> Taps:
    """Merge the samples of each bin that fall on the same pixels of an axis of `extent` pixels."""
    index = torch.arange(max(int(axis.count.max()), 1), dtype=axis.start.dtype)
    # NumPy from here on: threads would spend most of these small steps waiting for each other
    coordinate, samples = axis.samples(index).numpy(), axis.count.numpy()[:, None, None]
    sampled = (coordinate >= -1) & (coordinate <= extent) & (index.numpy() < samples)
    position = np.clip(coordinate, 0, extent - 1)
    whole = np.minimum(np.floor(position), max(extent - 2, 0))
    low, above = whole.astype(np.int32), np.where(sampled, position - whole, 0)
    high = np.minimum(low + 1, extent - 1)
    first = np.where(sampled, low, extent - 1).min(2)
    count = np.maximum(np.where(sampled, high, -1).max(2) - first + 1, 0)
    longest = max(int(count.max()), 1)
    table = np.arange(first.size, dtype=np.int32).reshape(*first.shape, 1) * longest
    weight = np.zeros(first.size * longest)
    for pixel, share in ((low, np.where(sampled, 1 - above, 0)), (high, above)):
        place = table + np.clip(pixel - first[:, :, None], 0, longest - 1)
        weight += np.bincount(place.ravel(), share.ravel(), minlength=len(weight))
    weight = weight.reshape(*first.shape, longest) / np.maximum(samples, 1)
    return Taps(first.astype(np.int32), count.astype(np.int32), weight.astype(coordinate.dtype))


def _matrix(bins: Bins, first_image: int, extent: torch.Size) -> Matrix:
    """The matrix of `bins`, whose columns are the pixels from `first_image` on."""
    height, width = extent
    y, x = _taps(bins.rows, height), _taps(bins.columns, width)
    down, across = bins.size
    top = (bins.image - first_image).int().numpy()[:, None] * height + y.first
    # a line is the pixels that a bin touches in one row of the map
    index = np.arange(len(bins) * down * across, dtype=np.int32).reshape(-1, down, across)
    lines = np.broadcast_to(y.count[:, :, None], index.shape).ravel()
    past = np.cumsum(lines, dtype=np.int32)
    bin_y = np.repeat(index // across, lines)
    bin_x = np.repeat(index // (down * across) * across + index % across, lines)
    below = np.arange(len(bin_y), dtype=np.int32) - np.repeat(past - lines, lines)
    lengths = x.count.ravel()[bin_x]
    ends = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=ends[1:])
    # the entries of a line are neighbours on the map and in the table of weights
    entry, begins = np.arange(ends[-1], dtype=np.int32), ends[:-1]
    pixels = (top.ravel()[bin_y] + below) * width + x.first.ravel()[bin_x]
    pixels = np.repeat(pixels - begins, lengths)
    pixels += entry
    taps = np.repeat(bin_x * x.weight.shape[2] - begins, lengths)
    taps += entry
    weights = np.repeat(y.weight.reshape(-1, y.weight.shape[2])[bin_y, below], lengths)
    weights *= x.weight.ravel()[taps]
    return Matrix(ends[np.concatenate(([0], past))], pixels, weights)


def _pixels_first(planes: Tensor, dtype: torch.dtype) -> Tensor:
    """(N, C, H, W) as a matrix (N * H * W, C) of `dtype`, a view where it can be one."""
    count, channels, height, width = planes.shape
    last = planes.permute(0, 2, 3, 1)
    if last.is_contiguous():
        return last.reshape(-1, channels).to(dtype)
    table = torch.empty(count, height * width, channels, dtype=dtype)
    if planes.stride(1) == 1 or height * width < LARGE:
        table.view_as(last).copy_(last)
    else:
        # PyTorch transposes in blocks only a single matrix, and within one dtype
        for target, source in zip(table, planes, strict=True):
            target.copy_(source.flatten(1).to(dtype).t())
    return table.view(-1, channels)


def _channels_first(table: Tensor, planes: Tensor) -> None:
    """Write a matrix (N * H * W, C) into `planes`, (N, C, H, W)."""
    count, channels, height, width = planes.shape
    if planes[0].is_contiguous() and height * width >= LARGE:
        for target, source in zip(planes, table.to(planes.dtype).chunk(count), strict=True):
            target.view(channels, -1).copy_(source.t())
    else:
        planes.copy_(table.view(count, height, width, channels).permute(0, 3, 1, 2))
