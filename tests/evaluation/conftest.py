"""The development kits' evaluations of detections in plain Python, to compare with.

They follow VOCevaldet.m and eval_detection.m. A box is its first and last pixels: x1, y1, x2, y2.
"""

from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def devkit():
    """``voc`` and ``ilsvrc`` match detections with objects, ``ap`` summarizes what they return."""
    return SimpleNamespace(voc=voc_outcomes, ilsvrc=ilsvrc_outcomes, ap=ap)


def overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    if width <= 0 or height <= 0:
        return None
    areas = [(c[2] - c[0] + 1) * (c[3] - c[1] + 1) for c in (a, b)]
    return width * height / (sum(areas) - width * height)


def voc_outcomes(detections, objects):
    """Return "tp", "fp" or None of each detection (image, score, box), sorted by score.

    Args:
        objects: By image, pairs of a box and whether it is difficult.
    """
    taken, outcomes = set(), []
    for image, _, box in sorted(detections, key=lambda one: -one[1]):
        best, which = -1.0, None
        for number, (target, _) in enumerate(objects.get(image, [])):
            found = overlap(box, target)
            if found is not None and found > best:
                best, which = found, number
        if best < 0.5:
            outcomes.append("fp")
        elif objects[image][which][1]:
            outcomes.append(None)
        else:
            outcomes.append("fp" if (image, which) in taken else "tp")
            taken.add((image, which))
    return outcomes


def ilsvrc_outcomes(detections, objects):
    """Return "tp" or "fp" of each detection; objects are boxes by image."""
    taken, outcomes = set(), []
    for image, _, box in sorted(detections, key=lambda one: -one[1]):
        best, which = -1.0, None
        for number, target in enumerate(objects.get(image, [])):
            if (image, number) in taken:
                continue
            w, h = target[2] - target[0] + 1, target[3] - target[1] + 1
            found = overlap(box, target)
            enough = min(0.5, w * h / ((w + 10) * (h + 10)))
            if found is not None and found >= enough and found > best:
                best, which = found, number
        outcomes.append("fp" if which is None else "tp")
        taken.add((image, which))
    return outcomes


def ap(outcomes, positives, mode):
    """Return the average precision; recalls are compared as fractions."""
    points, right, wrong = [], 0, 0
    for outcome in outcomes:
        right += outcome == "tp"
        wrong += outcome == "fp"
        if right + wrong:
            points.append((Fraction(right, positives), Fraction(right, right + wrong)))

    def highest(recall):
        return max((precision for at, precision in points if at >= recall), default=Fraction(0))

    if mode == "11points":
        return float(sum(highest(Fraction(k, 10)) for k in range(11)) / 11)
    recalls = sorted({Fraction(0), *(at for at, _ in points)})
    steps = pairwise(recalls)
    return float(sum((end - start) * highest(end) for start, end in steps))
