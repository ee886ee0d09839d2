"""Images of a test that the training has seen: the same photograph, also mirrored or recoloured.

An image is described by the slopes of its brightness, on a grid of 12 × 12 means without its
border: 90 in each direction. Descriptions of one photograph correlate whatever its brightness,
contrast, colours, size and compression are. Both directions have to agree, so that a horizon or a
frame alone is no match. What is shifted or cropped by more than a tenth is not found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from mmresnet.datasets.shards.paths import content

Picture = str | os.PathLike[str] | np.ndarray

SIMILAR = 0.85
"""The correlation from which on images count as the same. On CIFAR-10, 228 of 10,000 test images
have such a training image; by eye, 5 of these are different but alike (docs/diagnosis.md)."""

MOST_RIVALS = 5
"""Of these 228, 226 have fewer than 6 rivals; of 201 handwritten digits that are as similar to one
of 1,437 others, 80."""

_GRID = 12
_INNER = slice(1, _GRID - 1)
_SLOPES = (_GRID - 2) * (_GRID - 3)  # in each direction
_NOISE = 0.5  # grey levels between neighbours, which compression alone makes
_CORRELATIONS_AT_ONCE = 1 << 25  # 128 MB


@dataclass(frozen=True)
class Duplicate:
    """An image, and the one most like it in another set.

    Attributes:
        index: Of the image.
        other: Of the one in the other set.
        similarity: The lower of the correlations of both directions, up to 1.
        mirrored: Whether one is the mirror image of the other.
        rivals: How many more of the other set are at most twice as far away as that one, in
            1 - correlation.
    """

    index: int
    other: int
    similarity: float
    mirrored: bool
    rivals: int

    @property
    def distinct(self) -> bool:
        """Whether few others are nearly as similar, as they are among handwritten digits."""
        return self.rivals <= MOST_RIVALS


def describe(pictures: Sequence[Picture], threads: int = 1) -> np.ndarray:
    """Return the descriptions of images, (N, 180) float32; zeros for those that cannot be read.

    Args:
        pictures: Files, or arrays (H, W, 3) of uint8 in RGB.
        threads: How many images are decoded at the same time.
    """
    grids = np.zeros((len(pictures), _GRID, _GRID), np.float32)
    with ThreadPoolExecutor(threads) as pool:
        for i, grid in enumerate(pool.map(_grid, pictures)):
            grids[i] = grid
    inner = grids[:, _INNER, _INNER]
    halves = [_normalized(np.diff(inner, axis=axis).reshape(-1, _SLOPES)) for axis in (1, 2)]
    return np.concatenate(halves, axis=1) / np.float32(np.sqrt(2))


def find(images: np.ndarray, others: np.ndarray, similar: float = SIMILAR) -> list[Duplicate]:
    """Return the images that have a near duplicate in another set, the most similar first.

    Every image is compared with the other that its description and its mirror image correlate with
    most: 2 × 180 × N × M multiplications and additions.

    Args:
        images: Descriptions, (N, 180).
        others: Descriptions of the other set, (M, 180).
        similar: The similarity to count as a duplicate.
    """
    if not len(others):
        return []
    rows = max(1, _CORRELATIONS_AT_ONCE // len(others))
    found = [
        one
        for mirrored in (False, True)
        for start in range(0, len(images), rows)
        for one in _find_in_part(images[start : start + rows], start, others, mirrored, similar)
    ]
    best: dict[int, Duplicate] = {}
    for one in sorted(found, key=lambda one: -one.similarity):
        best.setdefault(one.index, one)
    return list(best.values())


def _find_in_part(
    images: np.ndarray, start: int, others: np.ndarray, mirrored: bool, similar: float
) -> Iterator[Duplicate]:
    images = _mirror(images) if mirrored else images
    correlations = images @ others.T
    nearest = correlations.argmax(axis=1)
    similarity = _similarity(images, others[nearest])
    for i in np.flatnonzero(similarity >= similar):
        row, other = correlations[i], int(nearest[i])
        rivals = int((row >= 2 * min(row[other], 1) - 1).sum()) - 1
        yield Duplicate(start + int(i), other, float(similarity[i]), mirrored, rivals)


def _grid(picture: Picture) -> np.ndarray | float:
    """Return the mean brightness on a grid, (12, 12) float32; 0 if the file cannot be read."""
    import cv2

    if isinstance(picture, np.ndarray):
        grey: np.ndarray | None = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    else:
        grey = _grey(os.fspath(picture))
    if grey is None:
        return 0.0
    return cv2.resize(grey.astype(np.float32), (_GRID, _GRID), interpolation=cv2.INTER_AREA)


def _grey(path: str) -> np.ndarray | None:
    import cv2

    in_shards = None if os.path.exists(path) else content(path)
    if in_shards is None:
        return cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    return cv2.imdecode(np.frombuffer(in_shards, np.uint8), cv2.IMREAD_GRAYSCALE)


def _normalized(slopes: np.ndarray) -> np.ndarray:
    """Return rows with the mean 0 and the length 1; zeros where a picture has no content."""
    slopes = slopes - slopes.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(slopes, axis=1, keepdims=True)
    noise = _NOISE * np.sqrt(_SLOPES)
    return np.where(lengths > noise, slopes / np.maximum(lengths, noise), 0).astype(np.float32)


def _mirror(descriptions: np.ndarray) -> np.ndarray:
    """Return the descriptions of the mirrored images."""
    down = descriptions[:, :_SLOPES].reshape(-1, _GRID - 3, _GRID - 2)[..., ::-1]
    right = -descriptions[:, _SLOPES:].reshape(-1, _GRID - 2, _GRID - 3)[..., ::-1]
    return np.concatenate([part.reshape(len(descriptions), -1) for part in (down, right)], axis=1)


def _similarity(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the lower of the correlations in both directions, (N,)."""
    products = 2 * images * others  # a description has the length 1, each of its halves 1/2
    return np.minimum(products[:, :_SLOPES].sum(axis=1), products[:, _SLOPES:].sum(axis=1))
