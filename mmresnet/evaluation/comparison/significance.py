"""Whether two models differ by more than chance: McNemar's test, intervals, several comparisons.

All of it is paired: both models have seen the same images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000  # of the images, with replacement
SEED = 0
CONFIDENCE = 0.95


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two classifiers.

    Attributes:
        exact: The two-sided exact conditional p-value, which is conservative.
        mid: The two-sided mid-p-value, whose level is close to the nominal one (Fagerland,
            Lydersen, Laake 2013, "The McNemar test for binary matched-pairs data").
    """

    exact: float
    mid: float


def mcnemar(first_only: int, second_only: int) -> McNemar:
    """Test whether both classifiers have the same accuracy.

    Args:
        first_only: The number of images that only the first one gets right.
        second_only: Those that only the second one gets right.
    """
    from scipy.stats import binom, binomtest

    disagreements, fewer = first_only + second_only, min(first_only, second_only)
    if not disagreements:
        return McNemar(1.0, 1.0)
    exact = float(binomtest(fewer, disagreements).pvalue)
    point = float(binom.pmf(fewer, disagreements, 0.5))
    return McNemar(exact, 1 - point / 2 if first_only == second_only else exact - point)


@dataclass(frozen=True)
class Difference:
    """The second model's figure less the first one's, and how far images decide it.

    Attributes:
        value: On all images.
        low: The lower end of the percentile interval of :data:`CONFIDENCE`.
        high: Its upper end.
        p: Two-sided, by inversion of the interval: twice the share of resamples in which the
            difference is zero or has the other sign, and at least 2 / (1 + resamples).
    """

    value: float
    low: float
    high: float
    p: float


def bootstrap_difference(value: float, resampled: np.ndarray) -> Difference:
    """Return the interval of a difference from its values in resamples of the images.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapters 13 and 15.

    Args:
        value: The difference on all images.
        resampled: (B,), the difference in each resample; NaN where it is not defined.
    """
    known = resampled[~np.isnan(resampled)]
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, (outside, 1 - outside))
    tail = min((known <= 0).sum(), (known >= 0).sum())
    p = min(1.0, 2 * (1 + tail) / (1 + len(known)))
    return Difference(value, float(low), float(high), float(p))


def accuracy_difference(first: np.ndarray, second: np.ndarray) -> Difference:
    """Return the difference of two accuracies, from -1 to 1.

    A resample of images is determined by how many of each kind it has: those that only one of the
    two gets right, and the others. Hence it is drawn from a multinomial distribution.

    Args:
        first: (N,) bool, whether the first classifier is right about each image.
        second: That of the second one, in the same order.
    """
    images = len(first)
    gained, lost = int((second & ~first).sum()), int((first & ~second).sum())
    kinds = np.array([gained, lost, images - gained - lost]) / images
    drawn = np.random.default_rng(SEED).multinomial(images, kinds, size=RESAMPLES)
    return bootstrap_difference((gained - lost) / images, (drawn[:, 0] - drawn[:, 1]) / images)


def resamples(images: int) -> np.ndarray:
    """Return how often each image is drawn in each resample, (B, N) int64; each row sums to N."""
    return np.random.default_rng(SEED).multinomial(images, np.full(images, 1 / images), RESAMPLES)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number, after Holm 1979, in the given order.

    Those below a level are significant with at most this chance that any of them is by chance.
    """
    number, highest = len(p_values), 0.0
    adjusted = [0.0] * number
    for rank, index in enumerate(sorted(range(number), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (number - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
