"""Ensembles of classifiers: the average of their class scores, and its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from mmresnet.datasets.class_scores import ClassScores
from mmresnet.errors import UserError, UserValueError

MOST_FOR_SUBSETS = 12  # 4,095 subsets
_IMAGES_AT_ONCE = 256  # their scores stay in the processor's cache


@dataclass(frozen=True)
class Errors:
    """The errors of an ensemble, shares of the images from 0 to 1.

    Attributes:
        members: The positions of its members, from 0.
        top1: The true class does not have the highest score.
        top5: It is not among the five highest.
    """

    members: tuple[int, ...]
    top1: float
    top5: float


def align(members: Mapping[str, ClassScores]) -> list[ClassScores]:
    """Return the members' scores with the images in the first one's order, and its labels.

    A member without labels takes those of the others.

    Args:
        members: Scores by a name for error messages.

    Raises:
        UserError: Members differ in images, classes or labels.
    """
    (first_name, first), *others = members.items()
    aligned = [first]
    for name, one in others:
        pair = f"'{first_name}' and '{name}'"
        _check_classes(pair, first.classes, one.classes)
        rows = {image: row for row, image in enumerate(one.images)}
        _check_images(pair, first.images, one.images)
        order = [rows[image] for image in first.images]
        labels = None if one.labels is None else one.labels[order]
        aligned.append(replace(one, scores=one.scores[order], images=first.images, labels=labels))
    known = [(name, one.labels) for name, one in zip(members, aligned, strict=True)]
    known = [(name, labels) for name, labels in known if labels is not None]
    for name, labels in known[1:]:
        differ = np.flatnonzero(labels != known[0][1])
        if differ.size:
            raise UserError(
                f"'{known[0][0]}' and '{name}' have different labels for {differ.size:,} images "
                f"(the first: '{first.images[differ[0]]}'): test them on the same data set."
            )
    return [replace(one, labels=known[0][1] if known else None) for one in aligned]


def _check_classes(pair: str, first: Sequence[str], other: Sequence[str]) -> None:
    if len(first) != len(other):
        raise UserError(
            f"{pair} have scores for {len(first):,} and {len(other):,} classes: give those of nets "
            "for the same classes."
        )
    differ = next((i for i, (a, b) in enumerate(zip(first, other, strict=True)) if a != b), None)
    if differ is not None:
        kind = "in another order" if sorted(first) == sorted(other) else "of other names"
        raise UserError(
            f"{pair} have classes {kind}: class {differ} is '{first[differ]}' and "
            f"'{other[differ]}'. Test them with the same data set."
        )


def _check_images(pair: str, first: Sequence[str], other: Sequence[str]) -> None:
    if len(first) != len(other):
        raise UserError(
            f"{pair} have scores for {len(first):,} and {len(other):,} images: test them on the "
            "same images."
        )
    only = sorted(set(first) - set(other))
    if only:
        raise UserError(
            f"{pair} have scores for other images: {len(only):,} of the first are not in the "
            f"second (such as '{only[0]}'). Test them on the same images."
        )


def check_weights(weights: Sequence[float] | None, members: int) -> list[float]:
    """Return a weight for each member, 1 where none are given.

    Raises:
        UserValueError: There is another number of weights, or one is not positive.
    """
    if weights is None:
        return [1.0] * members
    if len(weights) != members:
        raise UserValueError(
            f"--weights has {len(weights)} numbers for {members} members: give one for each, in "
            "their order."
        )
    for weight in weights:
        if not 0 < weight < np.inf:
            raise UserValueError(f"--weights: {weight:g} must be a positive number.")
    return list(weights)


def average(members: Sequence[ClassScores], weights: Sequence[float] | None = None) -> np.ndarray:
    """Return the weighted mean of the members' scores, (N, C) float64.

    Args:
        members: As :func:`align` returns them.

    Raises:
        UserValueError: As :func:`check_weights`.
    """
    shares = np.array(check_weights(weights, len(members)))
    total = np.zeros(members[0].scores.shape)
    for share, one in zip(shares / shares.sum(), members, strict=True):
        total += share * one.scores
    return total


def errors(
    members: Sequence[ClassScores],
    subsets: Sequence[tuple[int, ...]],
    weights: Sequence[float] | None = None,
    advance: Callable[[int], None] = lambda images: None,
) -> list[Errors]:
    """Return the errors of ensembles of some of the members, in the order of ``subsets``.

    Of classes with equal scores the first counts as higher, as in a stable sort.

    Args:
        members: As :func:`align` returns them, with labels.
        subsets: Positions of members, ascending.
        advance: Called with the number of images that have been evaluated since the last call.

    Raises:
        UserError: There are no labels.
    """
    shares, labels = check_weights(weights, len(members)), members[0].labels
    if labels is None:
        raise UserError(
            "None of the members has labels, so that errors are not known: test them on a data set "
            "with labels, or write a file for the test server, --submission."
        )
    wrong = np.zeros((len(subsets), 2), np.int64)
    for start in range(0, len(labels), _IMAGES_AT_ONCE):
        part = slice(start, start + _IMAGES_AT_ONCE)
        scores = [
            share * one.scores[part].astype(np.float64)
            for share, one in zip(shares, members, strict=True)
        ]
        for row, total in enumerate(_sums(scores, subsets)):
            ranks = ranks_of(total, labels[part])
            wrong[row] += (ranks >= 1).sum(), (ranks >= 5).sum()
        advance(len(labels[part]))
    return [
        Errors(subset, top1 / len(labels), top5 / len(labels))
        for subset, (top1, top5) in zip(subsets, wrong.tolist(), strict=True)
    ]


def _sums(scores: Sequence[np.ndarray], subsets: Sequence[tuple[int, ...]]) -> Iterator[np.ndarray]:
    """Yield the sum of each subset, of which those with the same beginning share its sum."""
    partial: list[tuple[int, np.ndarray]] = []  # the last subset's members, and sums up to each
    for subset in subsets:
        common = 0
        while common < min(len(partial), len(subset)) and partial[common][0] == subset[common]:
            common += 1
        del partial[common:]
        for member in subset[common:]:
            before = partial[-1][1] if partial else 0.0
            partial.append((member, before + scores[member]))
        yield partial[-1][1]


def ranks_of(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return how many classes come before the true one of each image, (N,).

    Args:
        scores: (N, C).
        labels: (N,).
    """
    true = np.take_along_axis(scores, labels[:, None], axis=1)
    before = np.arange(scores.shape[1]) < labels[:, None]
    ranks: np.ndarray = ((scores > true) | ((scores == true) & before)).sum(axis=1)
    return ranks


def all_subsets(members: int) -> list[tuple[int, ...]]:
    """Return the positions of all subsets with at least one member, sorted.

    Raises:
        UserValueError: There are more than :data:`MOST_FOR_SUBSETS` members.
    """
    if members > MOST_FOR_SUBSETS:
        raise UserValueError(
            f"--subsets: {members} members have {2**members - 1:,} subsets; it takes up to "
            f"{MOST_FOR_SUBSETS} members. Leave some out."
        )
    sizes = range(1, members + 1)
    return sorted(one for size in sizes for one in combinations(range(members), size))
