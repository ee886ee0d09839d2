"""Confusion, precision, recall and F1, counted by hand."""

import numpy as np

from mmresnet.evaluation.diagnosis.confusion import class_quality, confusion, most_confused

# of class 0 two of three are right; class 1 is taken for 0; class 2 has no image; 3 is never found
LABELS = np.array([0, 0, 0, 1, 1, 3])
PREDICTED = np.array([0, 0, 1, 0, 1, 0])


def test_the_matrix():
    assert confusion(LABELS, PREDICTED, 4).tolist() == [
        [2, 1, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 0, 0],
        [1, 0, 0, 0],
    ]


def test_the_quality_of_each_class():
    found = class_quality(LABELS, PREDICTED, 4)
    np.testing.assert_allclose(found.precision, [2 / 4, 1 / 2, np.nan, np.nan])
    np.testing.assert_allclose(found.recall, [2 / 3, 1 / 2, np.nan, 0])
    # 2 true positives / (true positives + half of the errors): 2 / 3.5, 1 / 2, -, 0
    np.testing.assert_allclose(found.f1, [4 / 7, 1 / 2, np.nan, 0])
    assert found.images.tolist() == [3, 2, 0, 1]
    assert found.predictions.tolist() == [4, 2, 0, 0]


def test_the_most_confused_come_first():
    matrix = np.array([[9, 1, 0], [4, 5, 2], [0, 0, 7]])
    assert most_confused(matrix, 2) == [(1, 0), (1, 2)]
    assert most_confused(matrix, 9) == [(1, 0), (1, 2), (0, 1)]
    assert matrix[0, 0] == 9  # it is left as it was
