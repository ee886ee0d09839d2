"""Significance tests: published worked examples, and coverage where the truth is known."""

import numpy as np
import pytest

from mmresnet.evaluation.comparison.significance import (
    RESAMPLES,
    McNemar,
    accuracy_difference,
    bootstrap_difference,
    holm,
    mcnemar,
    resamples,
)


@pytest.mark.parametrize(
    ("first_only", "second_only", "exact", "mid"),
    [
        # Fagerland et al. 2013, table 1: 21 children before and after a transplantation
        (1, 7, 0.0703, 0.0391),
        # ratings of a prime minister, Agresti 1990, p. 350; statsmodels' test has this p-value
        (86, 150, 3.716e-05, None),
        (0, 0, 1.0, 1.0),
        (1, 1, 1.0, 0.75),  # 1 - 1/2 · 1/2
    ],
)
def test_mcnemar(first_only, second_only, exact, mid):
    found = mcnemar(first_only, second_only)
    assert found.exact == pytest.approx(exact, rel=2e-3)
    assert mid is None or found.mid == pytest.approx(mid, rel=2e-3)
    assert mcnemar(second_only, first_only) == found


def test_mcnemar_by_hand():
    """2 · (1 + 3) / 2³ of 3 disagreements, one of them the first's; the mid-p counts half of it."""
    assert mcnemar(1, 2) == McNemar(1.0, pytest.approx(1 - 3 / 8))
    assert mcnemar(0, 3) == McNemar(pytest.approx(0.25), pytest.approx(0.125))


def test_accuracy_difference():
    """The interval is the bootstrap's over images: that of resampled rows, and the normal one."""
    generator = np.random.default_rng(1)
    first, second = generator.random((2, 1000)) < [[0.80], [0.84]]
    found = accuracy_difference(first, second)
    each = second.astype(float) - first
    assert found.value == pytest.approx(each.mean())
    rows = (resamples(1000) @ each) / 1000
    by_rows = bootstrap_difference(each.mean(), rows)
    width = 1.96 * each.std() / np.sqrt(1000)
    for one in (found, by_rows):
        assert one.low == pytest.approx(found.value - width, abs=0.002)
        assert one.high == pytest.approx(found.value + width, abs=0.002)
    assert found.p == pytest.approx(
        mcnemar((first & ~second).sum(), (second & ~first).sum()).mid, abs=0.01
    )


def test_no_difference():
    right = np.arange(100) < 90
    found = accuracy_difference(right, right)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_a_difference_beyond_all_resamples():
    found = bootstrap_difference(0.2, np.full(RESAMPLES, 0.2))
    assert found.p == 2 / (1 + RESAMPLES)


def test_holm():
    """Holm 1979 by hand: 3 · 0.01, 2 · 0.02, 1 · 0.5; and no p-value below a smaller one's."""
    assert holm([0.5, 0.01, 0.02]) == pytest.approx([0.5, 0.03, 0.04])
    assert holm([0.03, 0.02]) == pytest.approx([0.04, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
