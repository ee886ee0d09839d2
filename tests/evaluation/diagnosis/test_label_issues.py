"""Labels that were changed are found again."""

import numpy as np
import pytest

from mmresnet.evaluation.diagnosis.label_issues import find_label_issues

pytest.importorskip("cleanlab")


def scored(labels, classes, share=0.95):
    """Return scores that give the class of each image a share, and the others the rest."""
    scores = np.full((len(labels), classes), (1 - share) / (classes - 1), np.float32)
    scores[np.arange(len(labels)), labels] = share
    return scores


def test_changed_labels_are_found():
    true = np.repeat(np.arange(3), 50)
    scores = scored(true, 3)
    given = true.copy()
    given[[4, 60]] = 2
    scores[60] = [0.01, 0.985, 0.005]  # its label scores less than that of image 4, 0.025
    assert find_label_issues(scores, given).tolist() == [60, 4]


def test_classes_without_images_are_passed_over():
    true = np.repeat([1, 3], 40)
    given = true.copy()
    given[0] = 3
    assert find_label_issues(scored(true, 5), given).tolist() == [0]


def test_one_class_has_nothing_to_compare_with():
    assert find_label_issues(scored(np.zeros(9, int), 2), np.zeros(9, int)).size == 0
