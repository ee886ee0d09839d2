"""The order in which values of shards are added."""

import pytest

from mmresnet.engine.logical.tree import LocalTree, pairs


def add(first: frozenset | int, second: frozenset | int) -> frozenset:
    """Note what is added; the order of two does not matter."""
    return frozenset([first, second])


def sum_of(values: range) -> frozenset | int:
    tree = LocalTree(add)
    for value in values:
        tree.push(value)
    return tree.pop()


@pytest.mark.parametrize("processes", [2, 4, 8])
def test_processes_add_as_one_does(processes: int) -> None:
    """Each process has a subtree, and pairs of processes have the next level of the tree."""
    size = 8 // processes
    sums = [sum_of(range(rank * size, (rank + 1) * size)) for rank in range(processes)]
    distance = 1
    while distance < processes:  # as ProcessTree: with the partner at this distance
        sums = [add(sums[rank], sums[rank ^ distance]) for rank in range(processes)]
        distance *= 2
    assert set(sums) == {sum_of(range(8))}


def test_pairs() -> None:
    assert [pairs(number) for number in range(8)] == [0, 1, 0, 2, 0, 1, 0, 3]


def test_a_tree_is_used_again() -> None:
    tree = LocalTree(lambda a, b: a + b)
    for _ in range(2):
        for value in ("a", "b", "c", "d"):
            tree.push(value)
        assert tree.pop() == "abcd"
