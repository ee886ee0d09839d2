"""Which classes are taken for which others, and precision and recall of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClassQuality:
    """How well each class is recognized; arrays of length C.

    Attributes:
        precision: The share of the predictions of this class that is right; NaN without any.
        recall: The share of its images that is recognized; NaN without any.
        f1: The harmonic mean of both; 0 if none is recognized, NaN without image and prediction.
        images: Its number of images.
        predictions: How often it is predicted.
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    images: np.ndarray
    predictions: np.ndarray


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return how many images of a class (row) are taken for another (column), (C, C) int64."""
    from sklearn.metrics import confusion_matrix

    matrix: np.ndarray = confusion_matrix(labels, predicted, labels=np.arange(classes))
    return matrix


def class_quality(labels: np.ndarray, predicted: np.ndarray, classes: int) -> ClassQuality:
    """Return precision, recall and F1 of every class."""
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, images = precision_recall_fscore_support(
        labels, predicted, labels=np.arange(classes), zero_division=np.nan
    )
    predictions = np.bincount(predicted, minlength=classes)
    return ClassQuality(precision, recall, f1, images, predictions)


def most_confused(matrix: np.ndarray, count: int) -> list[tuple[int, int]]:
    """Return the pairs of a true and another, predicted class with the most images, at most N."""
    errors = matrix.copy()
    np.fill_diagonal(errors, 0)
    order = np.argsort(-errors, axis=None, kind="stable")[:count]
    pairs = zip(*np.unravel_index(order, errors.shape), strict=True)
    return [(int(true), int(other)) for true, other in pairs if errors[true, other]]
