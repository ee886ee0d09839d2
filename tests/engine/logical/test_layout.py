"""Which shards a process computes."""

import pytest

from mmresnet.engine.logical.layout import Layout, layout_of
from mmresnet.errors import UserError


@pytest.mark.parametrize("processes", [1, 2, 4, 8])
def test_each_shard_has_one_process(processes: int) -> None:
    dealt = [shard for rank in range(processes) for shard in Layout(8, rank, processes).own]
    assert dealt == list(range(8))


@pytest.mark.parametrize("processes", [3, 8])
def test_other_numbers_of_processes(processes: int) -> None:
    with pytest.raises(UserError, match=f"computed by 1, 2 or 4 processes, not by {processes}"):
        Layout(4, 0, processes)
    with pytest.raises(UserError, match=f"computed by 1 processes, not by {processes}"):
        Layout(1, 0, processes)


def test_configs() -> None:
    assert layout_of({"logical_shards": 4}) == Layout(4, 0, 1)
    assert layout_of({}) is layout_of({"logical_shards": None}) is None
