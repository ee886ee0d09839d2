"""Ensembles: averages and errors by hand, and members that do not fit each other."""

import itertools

import numpy as np
import pytest

from mmresnet.datasets.class_scores import ClassScores
from mmresnet.errors import UserError, UserValueError
from mmresnet.evaluation.ensembles import (
    align,
    all_subsets,
    average,
    check_weights,
    errors,
    ranks_of,
)

RANDOM = np.random.default_rng(0)


def member(scores, labels=None, images=None, classes=None):
    scores = np.array(scores, np.float32)
    count, width = scores.shape
    names = images or [f"{i}.jpg" for i in range(count)]
    of_classes = classes or [f"c{i}" for i in range(width)]
    return ClassScores(scores, names, of_classes, None if labels is None else np.array(labels))


def test_errors_by_hand():
    # Three images of the classes 0, 1, 2. The first member ranks 0, 1, 0 first: one error of three;
    # the second 1, 1, 2: another one. Their averages are .55 .45 0, .2 .7 .1 and .25 .2 .55: none.
    # With weights 1 and 3 the first is .375 .625 0: an error again.
    first = member([[0.9, 0.1, 0], [0.4, 0.6, 0], [0.5, 0.2, 0.3]], [0, 1, 2])
    second = member([[0.2, 0.8, 0], [0.0, 0.8, 0.2], [0.0, 0.2, 0.8]], [0, 1, 2])
    both = [first, second]
    found = errors(both, [(0,), (0, 1), (1,)])
    assert [one.members for one in found] == [(0,), (0, 1), (1,)]
    assert [one.top1 for one in found] == pytest.approx([1 / 3, 0, 1 / 3])
    assert [one.top5 for one in found] == [0, 0, 0]  # of three classes
    np.testing.assert_allclose(
        average(both), [[0.55, 0.45, 0], [0.2, 0.7, 0.1], [0.25, 0.2, 0.55]], atol=1e-7
    )
    (weighted,) = errors(both, [(0, 1)], [1, 3])
    assert weighted.top1 == pytest.approx(1 / 3)
    assert average(both, [1, 3])[0] == pytest.approx([0.375, 0.625, 0])


def test_errors_of_every_subset_are_those_of_a_sort():
    labels = RANDOM.integers(0, 9, 700)  # in three parts
    members = [member(RANDOM.random((700, 9)), labels) for _ in range(4)]
    weights = [0.5, 2, 1, 3]
    steps = []
    found = errors(members, all_subsets(4), weights, steps.append)
    assert sum(steps) == 700
    for one in found:
        total = sum(weights[i] * members[i].scores.astype(float) for i in one.members)
        best = np.argsort(-total, axis=1)[:, :5]
        correct = best == labels[:, None]
        assert one.top1 == pytest.approx(1 - correct[:, 0].mean())
        assert one.top5 == pytest.approx(1 - correct.any(1).mean())


def test_equal_scores_are_in_the_order_of_the_classes():
    # a net that is sure of class 2 gives the others 0: of these, 0 comes before 1 before 3
    scores = np.array([[0.0, 0, 1, 0]] * 4)
    assert ranks_of(scores, np.arange(4)).tolist() == [1, 2, 0, 3]


def test_subsets():
    assert all_subsets(2) == [(0,), (0, 1), (1,)]
    sizes = [one for size in range(1, 6) for one in itertools.combinations(range(5), size)]
    assert sorted(sizes) == all_subsets(5)
    with pytest.raises(UserValueError, match="13 members have 8,191 subsets; it takes up to 12"):
        all_subsets(13)


def test_images_in_another_order_are_aligned():
    first = member([[1, 0], [0, 1]], [0, 1], ["a", "b"])
    second = member([[0.25, 0.75], [1, 0]], None, ["b", "a"])
    one, other = align({"x": first, "y": second})
    assert one.images == other.images == ["a", "b"]
    assert other.scores.tolist() == [[1, 0], [0.25, 0.75]]
    assert other.labels.tolist() == [0, 1]  # the other member's
    swapped, _ = align({"y": second, "x": first})
    assert swapped.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"scores": [[1, 0]], "labels": [0]}, "for 2 and 1 images"),
        ({"images": ["0.jpg", "2.jpg"]}, "1 of the first are not in the second .*'1.jpg'"),
        ({"scores": [[1, 0, 0], [0, 1, 0]]}, "for 2 and 3 classes"),
        ({"classes": ["c1", "c0"]}, "in another order: class 0 is 'c0' and 'c1'"),
        ({"classes": ["c0", "owl"]}, "of other names: class 1 is 'c1' and 'owl'"),
        ({"labels": [0, 0]}, "different labels for 1 images .*'1.jpg'"),
    ],
)
def test_members_that_do_not_fit_are_refused(changed, said):
    first = member([[1, 0], [0, 1]], [0, 1])
    other = member(**{"scores": [[1, 0], [0, 1]], "labels": [0, 1], **changed})
    with pytest.raises(UserError, match=f"'x' and 'y' have .*{said}"):
        align({"x": first, "y": other})


def test_without_labels_there_are_no_errors():
    with pytest.raises(UserError, match=r"None of the members has labels.*--submission"):
        errors([member([[1, 0]])], [(0,)])


@pytest.mark.parametrize(
    ("weights", "said"),
    [([1], "1 numbers for 2 members"), ([1, 0], "0 must be"), ([1, float("nan")], "nan must be")],
)
def test_weights_are_checked(weights, said):
    with pytest.raises(UserValueError, match=said):
        check_weights(weights, 2)
    assert check_weights(None, 2) == [1, 1]
