"""All pairs of models: counts and differences by hand, the tests of significance and Holm's."""

import numpy as np
import pytest

from mmresnet.evaluation.comparison.pairwise import compare_classifiers, compare_detectors
from mmresnet.evaluation.comparison.significance import holm, mcnemar


def test_classifiers():
    """Of 40 images the second gets 12 more right than the first, and 2 it had; the third as it."""
    first, second = np.arange(40) < 22, (np.arange(40) >= 2) & (np.arange(40) < 34)
    pairs = compare_classifiers(np.stack([first, second, second]))
    assert [(one.first, one.second) for one in pairs] == [(0, 1), (0, 2), (1, 2)]
    assert [(one.first_only, one.second_only) for one in pairs] == [(2, 12), (2, 12), (0, 0)]
    assert [one.difference.value for one in pairs] == [0.25, 0.25, 0]
    test = mcnemar(2, 12)
    assert (pairs[0].p, pairs[0].exact) == (test.mid, test.exact)
    assert [one.adjusted for one in pairs] == pytest.approx(holm([test.mid, test.mid, 1]))


def test_detectors():
    """Differences are within a resample: noise that all detectors share does not matter."""
    noise = np.random.default_rng(0).normal(0, 0.1, 1000)
    values, resampled = [0.4, 0.5, 0.5], np.stack([0.4 + noise, 0.5 + noise, 0.5 + noise])
    better, _, same = compare_detectors(values, resampled)
    assert (better.difference.low, better.difference.high) == pytest.approx((0.1, 0.1))
    assert (better.p, better.adjusted) == pytest.approx((2 / 1001, 6 / 1001))
    assert better.exact is None
    assert same.difference.value == 0
    assert same.p > 0.5
