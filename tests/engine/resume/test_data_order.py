"""In the main process only those generators are seeded that the data set draws from."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from mmresnet.engine.resume.data_order import SampleIndex, SeededDataset, _words

SEED, RARE = 3, 7


class Draws(Dataset):
    """Samples that are random numbers; ``loaded`` has the indices in the order of loading."""

    def __init__(self, draw: Callable[[int], Any]) -> None:
        self.draw, self.loaded = draw, []

    def __getitem__(self, index: int) -> Any:
        self.loaded.append(index)
        return self.draw(index)

    def __len__(self) -> int:
        return 12


def batches(data: SeededDataset) -> list[list[Any]]:
    """Return the samples of three batches of four."""
    places = [SampleIndex(index, 1, index + 100) for index in range(12)]
    return [data.__getitems__(places[first : first + 4]) for first in (0, 4, 8)]


def seeds(index: int) -> tuple[int, ...]:
    return _words(SEED, 1, index, index + 100)


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda index: random.random(), lambda index: random.Random(seeds(index)[0]).random()),
        (
            lambda index: np.random.rand(),
            lambda index: np.random.RandomState(seeds(index)[1]).rand(),
        ),
        (
            lambda index: torch.rand(()).item(),
            lambda index: torch.rand(
                (), generator=torch.Generator().manual_seed(seeds(index)[2])
            ).item(),
        ),
    ],
    ids=["python", "numpy", "torch"],
)
def test_a_batch_that_draws_is_loaded_again(draw: Callable, expected: Callable) -> None:
    source = Draws(draw)
    found = batches(SeededDataset(source, SEED))
    assert found == [[expected(index) for index in range(n, n + 4)] for n in (0, 4, 8)]
    assert source.loaded == [*range(4), *range(12)]  # the first batch twice


def test_a_generator_that_one_sample_draws_from() -> None:
    def draw(index: int) -> tuple[float, float | None]:
        return np.random.rand(), random.random() if index == RARE else None

    source = Draws(draw)
    found = batches(SeededDataset(source, SEED))
    assert source.loaded == [*range(4), *range(8), *range(4, 12)]
    assert found[1][RARE - 4][1] == random.Random(seeds(RARE)[0]).random()
    again = SeededDataset(Draws(draw), SEED)
    assert batches(again) == batches(again) == found  # the second time nothing is found out


def test_a_set_without_draws_is_loaded_once() -> None:
    source = Draws(lambda index: index)
    assert batches(SeededDataset(source, SEED)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert source.loaded == list(range(12))


def test_indices_without_a_place_draw_from_the_global_generators() -> None:
    data = SeededDataset(Draws(lambda index: random.random()), SEED)
    random.seed(5)
    found = data.__getitems__([0, 1])
    random.seed(5)
    assert found == [random.random(), random.random()]
