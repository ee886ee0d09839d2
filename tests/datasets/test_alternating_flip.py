"""Alternating flips: both sides of an image in two successive epochs, the same in each process."""

import numpy as np
import pytest
from mmengine.registry import TRANSFORMS

from mmresnet.datasets.current_sample import Sample, current_sample, loading
from mmresnet.engine.resume.data_order import SampleIndex, SeededDataset

pytestmark = pytest.mark.usefixtures("mmpretrain_scope")
IMAGE = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)


class Flips:
    """A data set of 1,000 times the same image; a sample is whether it has been flipped."""

    def __init__(self) -> None:
        self.flip = TRANSFORMS.build(dict(type="mmresnet.AlternatingFlip"))

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: int) -> bool:
        results = self.flip({"img": IMAGE})
        flipped = np.array_equal(results["img"], IMAGE[:, ::-1])
        assert flipped != np.array_equal(results["img"], IMAGE)
        assert results["flip"] == flipped
        assert results["flip_direction"] == ("horizontal" if flipped else None)
        return flipped


def flips(seed: int, epoch: int) -> np.ndarray:
    indices = [SampleIndex(index, epoch, index) for index in range(1000)]
    return np.array(SeededDataset(Flips(), seed).__getitems__(indices))


def test_sides_alternate():
    first, second, third = (flips(1, epoch) for epoch in range(3))
    assert 420 < first.sum() < 580  # five standard deviations
    assert np.array_equal(second, ~first)
    assert np.array_equal(third, first)
    repeats = (first[1:] == first[:-1]).mean()
    assert 0.42 < repeats < 0.58  # neighbours are independent of each other


def test_another_seed_flips_others():
    assert 0.42 < (flips(1, 0) == flips(2, 0)).mean() < 0.58


def test_random_where_there_is_no_epoch():
    np.random.seed(0)
    data = SeededDataset(Flips(), 1)
    drawn = [data[0] for _ in range(100)]
    assert 25 < sum(drawn) < 75


def test_the_sample_is_known_only_while_it_is_loaded():
    sample = Sample(seed=1, epoch=2, index=3)
    with pytest.raises(KeyError), loading() as set_current:
        set_current(sample)
        assert current_sample() == sample
        raise KeyError
    assert current_sample() is None
