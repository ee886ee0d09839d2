"""Every pair of several models: the difference of their figures, and its significance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mmresnet.evaluation.comparison.significance import (
    Difference,
    accuracy_difference,
    bootstrap_difference,
    holm,
    mcnemar,
)


@dataclass(frozen=True)
class Pair:
    """Two models, by their positions, and how they differ.

    Attributes:
        difference: The second one's figure less the first one's.
        p: Of two classifiers McNemar's mid-p-value, of two detectors the bootstrap's.
        exact: McNemar's exact p-value, None for detectors.
        adjusted: ``p`` after Holm's correction for the number of pairs.
        first_only: The images that only the first classifier gets right; None for detectors.
        second_only: Those that only the second one gets right.
    """

    first: int
    second: int
    difference: Difference
    p: float
    adjusted: float
    exact: float | None = None
    first_only: int | None = None
    second_only: int | None = None


def compare_classifiers(right: np.ndarray) -> list[Pair]:
    """Compare the top-1 accuracies, shares from 0 to 1.

    Args:
        right: (R, N) bool, whether each of R classifiers is right about each of N images.
    """
    pairs = list(combinations(range(len(right)), 2))
    only = [
        (int((right[a] & ~right[b]).sum()), int((right[b] & ~right[a]).sum())) for a, b in pairs
    ]
    tests = [mcnemar(*counts) for counts in only]
    adjusted = holm([test.mid for test in tests])
    return [
        Pair(a, b, accuracy_difference(right[a], right[b]), test.mid, p, test.exact, *counts)
        for (a, b), test, p, counts in zip(pairs, tests, adjusted, only, strict=True)
    ]


def compare_detectors(values: Iterable[float], resampled: np.ndarray) -> list[Pair]:
    """Compare average precisions, from 0 to 1.

    Args:
        values: Of each of R detectors, on all images.
        resampled: (R, B), in each resample, which is the same for all detectors.
    """
    values = list(values)
    pairs = list(combinations(range(len(values)), 2))
    found = [
        bootstrap_difference(values[b] - values[a], resampled[b] - resampled[a]) for a, b in pairs
    ]
    adjusted = holm([one.p for one in found])
    return [
        Pair(a, b, one, one.p, p) for (a, b), one, p in zip(pairs, found, adjusted, strict=True)
    ]
