"""Reliability by hand, and the calibration error against torchmetrics'."""

import numpy as np
import pytest
import torch

from mmresnet.evaluation.diagnosis.calibration import reliability


def test_bins_by_hand():
    # best scores 0.55, 0.6, 0.95 and 1, of which the second is wrong; bins of a quarter
    scores = np.array([[0.55, 0.45], [0.4, 0.6], [0.95, 0.05], [1, 0]])
    found = reliability(scores, np.array([0, 0, 0, 0]), bins=4)
    assert found.counts.tolist() == [0, 0, 2, 2]
    np.testing.assert_allclose(found.confidence, [np.nan, np.nan, 0.575, 0.975])
    np.testing.assert_allclose(found.accuracy, [np.nan, np.nan, 0.5, 1])
    assert found.ece == pytest.approx((0.075 + 0.025) / 2)


@pytest.mark.parametrize("classes", [2, 10])
def test_the_error_is_that_of_torchmetrics(classes):
    functional = pytest.importorskip("torchmetrics.functional.classification")
    generator = np.random.default_rng(classes)
    scores = generator.dirichlet(np.full(classes, 0.8), 400).astype(np.float32)
    labels = np.where(generator.random(400) < 0.7, scores.argmax(1), generator.integers(0, 2, 400))
    expected = functional.multiclass_calibration_error(
        torch.from_numpy(scores), torch.from_numpy(labels), classes, n_bins=15, norm="l1"
    )
    assert scores.max() < 1  # which torchmetrics puts into a bin of its own
    assert reliability(scores, labels).ece == pytest.approx(float(expected), abs=1e-6)
