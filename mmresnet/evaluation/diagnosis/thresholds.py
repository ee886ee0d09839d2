"""Which score a prediction needs, for a wanted share of the accepted ones to be right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Threshold:
    """A score from which on predictions are accepted.

    Attributes:
        score: Between the lowest that is accepted and the highest that is not.
        precision: The share of the accepted predictions that is right.
        accepted: Their number.
        right: How many of them are right.
    """

    score: float
    precision: float
    accepted: int
    right: int


def threshold_for(scores: np.ndarray, right: np.ndarray, precision: float) -> Threshold | None:
    """Return the threshold that accepts the most predictions with this precision; None without any.

    Args:
        scores: Of the predictions, (N,).
        right: Whether each is right, (N,) bool.
        precision: From 0 to 1.
    """
    curve = precision_curve(scores, right)
    reached = np.flatnonzero(curve.precision >= precision)
    if reached.size == 0:
        return None
    last = reached[-1]
    below = curve.scores[last + 1] if last + 1 < len(curve.scores) else 0.0
    accepted, share = int(curve.accepted[last]), float(curve.precision[last])
    return Threshold((curve.scores[last] + below) / 2, share, accepted, round(accepted * share))


@dataclass(frozen=True)
class PrecisionCurve:
    """Precision by threshold; a row for each different score, the highest first.

    Attributes:
        scores: The thresholds, (M,).
        accepted: How many predictions have at least this score, (M,).
        precision: The share of these that is right, (M,).
    """

    scores: np.ndarray
    accepted: np.ndarray
    precision: np.ndarray


def precision_curve(scores: np.ndarray, right: np.ndarray) -> PrecisionCurve:
    """Return the precision at every threshold; predictions with equal scores are not separated."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order].astype(np.float64)
    ends = np.flatnonzero(np.append(ordered[1:] < ordered[:-1], True)) if len(ordered) else order
    accepted = ends + 1
    return PrecisionCurve(ordered[ends], accepted, np.cumsum(right[order])[ends] / accepted)
