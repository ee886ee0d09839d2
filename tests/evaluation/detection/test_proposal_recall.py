"""Recall of proposals: values computed by hand."""

import numpy as np
import pytest

from mmresnet.evaluation.detection.proposal_recall import average_recalls


def test_each_proposal_matches_one_object():
    # two objects; the first proposal has IoU 1 with one and 1/3 with the other
    objects = np.array([[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0]])
    proposals = np.array([[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 5.0]])  # IoU 1/2 with the second
    alone = average_recalls([objects], [proposals], [1, 2], [0.3])
    assert alone == [0.5, 1.0]
    assert average_recalls([objects], [proposals], [2], [0.3, 0.6]) == [pytest.approx(0.75)]


def test_images_without_objects_or_proposals():
    none = np.zeros((0, 4))
    box = np.array([[0.0, 0.0, 4.0, 4.0]])
    assert average_recalls([none, box], [box, none], [10], [0.5]) == [0.0]
    assert np.isnan(average_recalls([none], [box], [10], [0.5])[0])


def test_empty_boxes_match_nothing():
    empty, box = np.array([[4.0, 4.0, 4.0, 4.0]]), np.array([[0.0, 0.0, 4.0, 4.0]])
    objects, proposals = np.concatenate([empty, box]), np.concatenate([empty, box])
    assert average_recalls([objects], [proposals], [2], [0.5]) == [0.5]
