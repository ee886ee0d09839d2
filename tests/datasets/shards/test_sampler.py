"""The order of images in shards: complete, the same for any number of processes, few shards."""

import itertools
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from faulty_proxy import Proxy
from small_shards import ADDRESS

from mmresnet.datasets.shards import sampler as module
from mmresnet.datasets.shards.sampler import ShardSampler
from mmresnet.datasets.shards.shard_set import ShardSet
from mmresnet.errors import UserError


def sampler(
    monkeypatch: pytest.MonkeyPatch, root: str, rank: int = 0, world: int = 1, **kwargs: object
) -> ShardSampler:
    """Return the sampler of a process, on the images of ``train``."""
    found = ShardSet(root)
    names = found.index.images_below("train").names
    rows = np.arange(names.first, names.last)
    dataset = SimpleNamespace(rows_in_shards=lambda: (found, rows))
    monkeypatch.setattr(module, "get_dist_info", lambda: (rank, world))
    return ShardSampler(dataset, **{"seed": 1, "streams": 4, **kwargs})


@pytest.mark.parametrize("world", [1, 2, 3, 4, 8])
def test_processes_share_one_order(
    shards: Path, monkeypatch: pytest.MonkeyPatch, world: int
) -> None:
    ranks = [sampler(monkeypatch, str(shards), rank, world) for rank in range(world)]
    order = ranks[0].order(3)
    for one in ranks:
        one.set_epoch(3)
    taken = [list(one) for one in ranks]
    assert {len(one) for one in taken} == {math.ceil(45 / world)}
    assert [len(one) for one in taken] == [len(one) for one in ranks]
    together = [index for row in zip(*taken, strict=True) for index in row]
    assert together[:45] == order.tolist()
    assert sorted(order.tolist()) == list(range(45))
    assert together[45:] == order[: len(together) - 45].tolist()


def test_without_rounding_up_no_image_comes_twice(
    shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranks = [sampler(monkeypatch, str(shards), rank, 4, round_up=False) for rank in range(4)]
    assert [len(list(one)) for one in ranks] == [len(one) for one in ranks] == [12, 11, 11, 11]


def test_epochs_and_seeds_differ(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = sampler(monkeypatch, str(shards))
    assert not np.array_equal(one.order(0), one.order(1))
    assert np.array_equal(one.order(1), sampler(monkeypatch, str(shards)).order(1))
    assert not np.array_equal(one.order(0), sampler(monkeypatch, str(shards), seed=2).order(0))


def test_few_shards_are_in_use_at_a_time(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = sampler(monkeypatch, str(shards), streams=2)
    sequence = one._shard[one.order(0)].tolist()
    for stream in (sequence[0::2], sequence[1::2]):
        changes = sum(a != b for a, b in itertools.pairwise(stream))
        assert changes == len(set(stream)) - 1  # each shard is done with before the next
    assert len(set(sequence[0::2]) & set(sequence[1::2])) <= 1  # that which the cut is in
    in_order = sampler(monkeypatch, str(shards), shuffle=False)
    assert sorted(in_order._shard.tolist()) == in_order._shard[in_order.order(0)].tolist()


def test_a_process_reads_the_shards_of_its_own_streams(
    shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranks = [sampler(monkeypatch, str(shards), rank, 4, round_up=False) for rank in range(4)]
    used = [{int(one._shard[index]) for index in one} for one in ranks]
    # at the ends of a stream a shard may be cut
    assert sum(map(len, used)) <= len(set.union(*used)) + 3


def test_a_cache_that_is_too_small_is_an_error(
    store: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE_LIMIT", "70KB")
    with pytest.raises(UserError, match=r"LIMIT=70KB holds too few of the \d+ shards.*4 streams"):
        sampler(monkeypatch, ADDRESS)
    sampler(monkeypatch, ADDRESS, shuffle=False, streams=1).order(0)


def test_a_process_with_several_logical_shards_needs_room_for_all(
    store: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of four shards each, in two processes on two machines: two of four streams."""
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE_LIMIT", "30KB")
    with pytest.raises(UserError, match="2 streams on this machine need"):
        sampler(monkeypatch, ADDRESS, world=4)
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UserError, match="1 streams on this machine need"):
        sampler(monkeypatch, ADDRESS, world=4)


def test_images_that_are_files_are_an_error() -> None:
    with pytest.raises(UserError, match=r"ShardSampler is for .* this SimpleNamespace is none"):
        ShardSampler(SimpleNamespace(), seed=0)
