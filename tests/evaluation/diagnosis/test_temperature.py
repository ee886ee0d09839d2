"""The temperature against a grid search and against scores of which it is known."""

import numpy as np
import pytest
import torch

from mmresnet.errors import UserError
from mmresnet.evaluation.diagnosis.temperature import cross_fitted, fit, losses, scale


def drawn(temperature, images=20_000, classes=5, seed=0):
    """Return scores that are too confident by a known factor: labels are drawn from the true ones.

    With logits z, labels follow softmax(z); the net gives softmax(z * temperature).
    """
    generator = np.random.default_rng(seed)
    logits = 2 * generator.standard_normal((images, classes))
    noise = generator.gumbel(size=logits.shape)
    labels = (logits + noise).argmax(axis=1)  # the Gumbel trick draws from softmax(logits)
    scores = torch.softmax(torch.from_numpy(logits * temperature), 1).numpy()
    return scores.astype(np.float32), labels


def test_scaled_scores_are_those_of_divided_logits():
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, 3.0]])
    scores = torch.softmax(logits, 1).numpy()
    np.testing.assert_allclose(
        scale(scores, 2.5), torch.softmax(logits / 2.5, 1).numpy(), rtol=1e-6
    )
    np.testing.assert_allclose(scale(scores[0], 0.5), torch.softmax(logits[0] / 0.5, 0), rtol=1e-6)


def test_a_score_that_has_underflowed_stays_finite():
    scaled = scale(np.array([[1.0, 0.0]], np.float32), 2)
    # 0 counts as 2 ** -126, whose square root is 2 ** -63
    np.testing.assert_allclose(scaled, [[1, 2.0**-63]], rtol=1e-5)


def test_losses():
    scores = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)
    # -log 0.75 and -log 0.5
    np.testing.assert_allclose(losses(scores, np.array([1, 0])), [0.2876821, 0.6931472], rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1, 2.5])
def test_the_known_temperature_is_found(temperature):
    scores, labels = drawn(temperature)
    # its standard error is below 1 % for 20,000 images
    assert fit(scores, labels) == pytest.approx(temperature, rel=0.03)


def test_no_other_temperature_of_a_grid_is_better():
    scores, labels = drawn(1.7, images=500)
    found = fit(scores, labels)
    loss = losses(scale(scores, found), labels).mean()
    grid = np.arange(0.5, 4, 0.01)
    others = [losses(scale(scores, one), labels).mean() for one in grid]
    assert loss <= min(others)
    assert abs(found - grid[int(np.argmin(others))]) <= 0.01


def test_predictions_stay():
    scores, labels = drawn(2, images=1000)
    np.testing.assert_array_equal(cross_fitted(scores, labels).argmax(1), scores.argmax(1))


def test_each_image_is_scaled_by_what_others_give():
    scores, labels = drawn(2, images=1000)
    scaled = cross_fitted(scores, labels)
    # s ** (1 / T) turns the ratio of two scores into its root: T = log ratio / log scaled ratio
    ratios = [np.log(one[:, 0] / one[:, 1]) for one in (scores, scaled)]
    temperatures = np.round(ratios[0] / ratios[1], 3)
    assert 2 <= len(set(temperatures.tolist())) <= 5 * 2  # of five folds, up to rounding
    changed = labels.copy()
    changed[0] = (labels[0] + 1) % 5
    # its own label has no part in the temperature of an image
    np.testing.assert_array_equal(cross_fitted(scores, changed)[0], scaled[0])


def test_what_no_temperature_fits_is_refused():
    scores = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    with pytest.raises(UserError, match="2 of 2 images are right, too many"):
        fit(scores, np.array([0, 1]))
    with pytest.raises(UserError, match="no better than chance"):
        fit(scores, np.array([1, 0]))
