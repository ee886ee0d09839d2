"""Splitting ImageNet DET's validation set into halves of equal classes, val1 and val2.

As for R-CNN (Girshick et al. 2014, arXiv:1311.2524, Sec. 4.2): of many splits that with the least
imbalance of any class is taken, and improved by a random local search. Its authors publish their
lists; this is for where those are not at hand, and gives other halves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

_EXCHANGES = 20_000
_IN_VAIN = 500  # exchanges one after the other that improve nothing, after which none is tried
_POWER = 8  # the sum of these powers falls with the largest imbalance, and also where that stays


def split_val(
    annotations: Mapping[str, Collection[str]], seed: int = 0, trials: int = 1000
) -> tuple[list[str], list[str]]:
    """Split images into two halves in which each class is about as frequent.

    Args:
        annotations: The classes of the objects in each image, with repetitions where there are
            several objects. The order of the images does not matter.
        seed: The same one gives the same halves.
        trials: How many random halves there are to choose from.

    Returns:
        The names of the images in each half, sorted; the first has the odd image.
    """
    names = sorted(annotations)
    classes = sorted({name for found in annotations.values() for name in found})
    number = {name: index for index, name in enumerate(classes)}
    image = np.repeat(np.arange(len(names)), [len(annotations[name]) for name in names])
    label = np.array([number[one] for name in names for one in annotations[name]], np.int64)
    generator = np.random.default_rng(seed)

    def surplus(side: np.ndarray) -> np.ndarray:
        """Return how many more objects of each class the first half has than the second."""
        return np.bincount(label, weights=side[image], minlength=len(classes)).astype(int)

    total = np.bincount(label, minlength=len(classes))
    halves = np.ones(len(names), np.int64)
    halves[: len(names) // 2] = -1
    best, least = halves, np.inf
    for _ in range(trials):
        side = generator.permutation(halves)
        worst = float(np.max(np.abs(surplus(side)) / total, initial=0))
        if worst < least:
            best, least = side, worst
    counts = np.zeros((len(names), len(classes)), np.int16)
    np.add.at(counts, (image, label), 1)
    _exchange(best, counts, surplus(best), total, generator)
    first = [name for name, half in zip(names, best.tolist(), strict=True) if half > 0]
    second = [name for name, half in zip(names, best.tolist(), strict=True) if half < 0]
    return first, second


def imbalance(
    first: Collection[str], second: Collection[str], annotations: Mapping[str, Collection[str]]
) -> dict[str, float]:
    """Return |a - b| / (a + b) of each class with a objects in one half and b in the other."""
    both: dict[str, list[int]] = {}
    for half, names in enumerate((first, second)):
        for name in names:
            for one in annotations[name]:
                both.setdefault(one, [0, 0])[half] += 1
    return {name: abs(a - b) / (a + b) for name, (a, b) in sorted(both.items())}


def _exchange(
    side: np.ndarray,
    counts: np.ndarray,
    surplus: np.ndarray,
    total: np.ndarray,
    generator: np.random.Generator,
) -> None:
    """Exchange images between the halves, where that makes them more alike; changes ``side``.

    An image with an object of the class that is worst goes to the half that has fewer of these.
    """
    if not len(total):
        return
    measure = np.sum((surplus / total) ** _POWER)
    in_vain = 0
    for _ in range(_EXCHANGES):
        if in_vain == _IN_VAIN:
            return
        worst = int(np.argmax(np.abs(surplus) / total))
        more = int(np.sign(surplus[worst]))
        if not more:
            return
        having = counts[:, worst] > 0
        leaving = np.flatnonzero((side == more) & having)
        coming = np.flatnonzero((side == -more) & ~having)
        if not len(leaving) or not len(coming):
            return
        one = leaving[generator.integers(len(leaving))]
        other = coming[generator.integers(len(coming))]
        changed = surplus - 2 * more * (counts[one].astype(int) - counts[other])
        if (new := np.sum((changed / total) ** _POWER)) < measure:
            side[[one, other]] = side[[other, one]]
            surplus, measure, in_vain = changed, new, 0
        else:
            in_vain += 1
