"""Calibration: whether predictions with a score of 0.8 are right in 80 % of the cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 15  # of equal width, as in Guo et al. 2017


@dataclass(frozen=True)
class Reliability:
    """Predictions in bins of equal width by their score, the reliability diagram.

    Attributes:
        counts: How many predictions are in each bin, (B,).
        confidence: Their mean score, (B,); NaN where there are none.
        accuracy: The share of them that is right, (B,); NaN where there are none.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def ece(self) -> float:
        """The expected calibration error: the mean of |confidence - accuracy|, by predictions."""
        gaps = np.abs(self.confidence - self.accuracy)[self.counts > 0]
        shares = self.counts[self.counts > 0] / self.counts.sum()
        return float((gaps * shares).sum())


def reliability(scores: np.ndarray, labels: np.ndarray, bins: int = BINS) -> Reliability:
    """Compare the best score of each image with how often it is right.

    Args:
        scores: (N, C).
        labels: (N,).
    """
    best = scores.max(axis=1).astype(np.float64)
    right = scores.argmax(axis=1) == labels
    index = np.clip((best * bins).astype(np.int64), 0, bins - 1)
    counts = np.bincount(index, minlength=bins)
    sums = [np.bincount(index, weights=values, minlength=bins) for values in (best, right)]
    with np.errstate(invalid="ignore"):
        confidence, accuracy = (total / counts for total in sums)
    return Reliability(counts, confidence, accuracy)
