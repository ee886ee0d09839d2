"""Thresholds by hand, and against a search through all of them."""

import numpy as np
import pytest

from mmresnet.evaluation.diagnosis.thresholds import precision_curve, threshold_for

SCORES = np.array([0.9, 0.6, 0.8, 0.7, 0.6])
RIGHT = np.array([True, True, False, True, False])


def test_the_curve():
    curve = precision_curve(SCORES, RIGHT)
    assert curve.scores.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert curve.accepted.tolist() == [1, 2, 3, 5]  # both of 0.6 or none
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 2 / 3, 3 / 5])


def test_the_threshold_accepts_as_many_as_possible():
    # 2 of the first 3 are right, though only 1 of the first 2
    found = threshold_for(SCORES, RIGHT, 0.65)
    assert (found.accepted, found.right) == (3, 2)
    assert found.score == pytest.approx(0.65)  # between 0.7 and 0.6
    assert found.precision == pytest.approx(2 / 3)
    assert threshold_for(SCORES, RIGHT, 0.6).accepted == 5
    assert threshold_for(SCORES, ~RIGHT, 0.9) is None
    assert threshold_for(SCORES[:0], RIGHT[:0], 0.9) is None


def test_a_search_finds_no_better_one():
    generator = np.random.default_rng(0)
    scores = generator.random(300).round(2)  # with ties
    right = generator.random(300) < scores
    found = threshold_for(scores, right, 0.8)
    accepted = [scores >= one for one in np.unique(scores)]
    good = [one.sum() for one in accepted if right[one].mean() >= 0.8]
    assert found.accepted == max(good)
    assert (scores >= found.score).sum() == found.accepted
    assert right[scores >= found.score].mean() == pytest.approx(found.precision)
