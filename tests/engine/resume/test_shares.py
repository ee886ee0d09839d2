"""A process's share of an epoch is that of the sampler, from any place on."""

import itertools

import pytest
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmpretrain.datasets.samplers import RepeatAugSampler

from mmresnet.engine.resume.shares import rest_of_share

SIZE = 103


def of_rank(kind, monkeypatch, rank, world_size, **settings):
    monkeypatch.setitem(kind.__init__.__globals__, "get_dist_info", lambda: (rank, world_size))
    return kind(range(SIZE), seed=5, **settings)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (DefaultSampler, {}),
        (DefaultSampler, {"round_up": False}),
        (DefaultSampler, {"shuffle": False}),
        (RepeatAugSampler, {"num_repeats": 3}),
        (RepeatAugSampler, {"num_repeats": 4, "shuffle": False}),
    ],
)
@pytest.mark.parametrize("world_size", [1, 8, 103, 250])
def test_equals_the_sampler(kind, settings, world_size, monkeypatch):
    for rank in {0, 1 % world_size, world_size - 1}:
        sampler = of_rank(kind, monkeypatch, rank, world_size, **settings)
        for epoch, start in ((0, 0), (3, 0), (3, 1), (3, 7), (3, SIZE)):
            sampler.set_epoch(epoch)
            assert list(rest_of_share(sampler, start)) == list(sampler)[start:]


def test_a_share_is_longer_than_a_chunk(monkeypatch):
    monkeypatch.setattr("mmresnet.engine.resume.shares.CHUNK", 10)
    sampler = of_rank(DefaultSampler, monkeypatch, 1, 2)
    assert list(rest_of_share(sampler, 3)) == list(sampler)[3:]


def test_other_samplers_are_asked(monkeypatch):
    class Reversed(DefaultSampler):
        def __iter__(self):
            return reversed(list(super().__iter__()))

    sampler = of_rank(Reversed, monkeypatch, 0, 1)
    assert list(rest_of_share(sampler, 2)) == list(sampler)[2:]
    endless = of_rank(InfiniteSampler, monkeypatch, 0, 1)
    again = of_rank(InfiniteSampler, monkeypatch, 0, 1)
    found = itertools.islice(rest_of_share(endless, 2), 5)
    assert list(found) == list(itertools.islice(again, 2, 7))
