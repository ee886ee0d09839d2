"""Temperature scaling: one number by which scores become as confident as they are right."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmresnet.errors import UserError

LOWEST, HIGHEST = 0.05, 20.0
_SMALLEST = np.finfo(np.float32).tiny  # scores below have underflowed
_IMAGES_AT_ONCE = 512
_MOST_OF_A_FOLD = 10_000  # give a temperature to about a percent


def scale(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Return the scores that the softmax of logits divided by ``temperature`` gives.

    Logits are not needed: the scores are raised to the power 1 / temperature, and normalized. The
    order of the classes stays.

    Args:
        scores: (N, C) or (C,), of a softmax or an average of several.
    """
    powers = np.log(np.maximum(scores, _SMALLEST)) / temperature
    powers = np.exp(powers - powers.max(axis=-1, keepdims=True))
    scaled: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
    return scaled


def losses(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of each image, (N,) float64, in nats."""
    true = np.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
    return -np.log(np.maximum(true.astype(np.float64), _SMALLEST))


def fit(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature with the lowest mean cross-entropy (Guo et al. 2017, Sec. 4.2).

    The loss is convex in 1 / temperature, so that its slope has one root.

    Args:
        scores: (N, C), of images that were not trained on.
        labels: (N,).

    Raises:
        UserError: There is no such temperature between LOWEST and HIGHEST.
    """
    logs = np.log(np.maximum(scores, _SMALLEST))
    if _slope(1 / HIGHEST, logs, labels) >= 0:
        raise UserError(
            f"No temperature up to {HIGHEST:g} makes the scores agree with the labels: they are no "
            "better than chance. Do the classes of the checkpoint fit those of the data?"
        )
    if _slope(1 / LOWEST, logs, labels) <= 0:
        right = int((scores.argmax(axis=1) == labels).sum())
        raise UserError(
            f"{right:,} of {len(labels):,} images are right, too many to tell how confident the "
            "scores may be: use more or harder images."
        )
    from scipy.optimize import brentq

    return float(1 / brentq(_slope, 1 / HIGHEST, 1 / LOWEST, args=(logs, labels), xtol=1e-6))


def _slope(inverse: float, logs: np.ndarray, labels: np.ndarray) -> float:
    """Return the derivative of the mean cross-entropy by the inverse temperature."""
    total = 0.0
    for start in range(0, len(labels), _IMAGES_AT_ONCE):
        part = logs[start : start + _IMAGES_AT_ONCE].astype(np.float64)
        weights = np.exp(inverse * (part - part.max(axis=1, keepdims=True)))
        expected = (weights * part).sum(axis=1) / weights.sum(axis=1)
        true = np.take_along_axis(part, labels[start : start + len(part), None], axis=1)[:, 0]
        total += float((expected - true).sum())
    return total / len(labels)


def cross_fitted(scores: np.ndarray, labels: np.ndarray, folds: int = 5) -> np.ndarray:
    """Return all scores, each scaled by the temperature that the images of other folds give.

    So they show what a temperature does to images that it was not fitted on. Of large sets, 10,000
    other images are taken.

    Raises:
        UserError: As :func:`fit`.
    """
    scaled = np.empty_like(scores)
    for fold, others in _folds(len(labels), folds):
        others = others[:_MOST_OF_A_FOLD]
        scaled[fold] = scale(scores[fold], fit(scores[others], labels[others]))
    return scaled


def _folds(size: int, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    order = np.random.default_rng(0).permutation(size)
    for fold in np.array_split(order, count):
        yield fold, order[~np.isin(order, fold)]
