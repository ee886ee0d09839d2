"""Samplers are built for a shard: upstream's ask which process this is."""

from mmengine.dataset import DefaultSampler
from mmengine.dist import get_dist_info

from mmresnet.compat import SAMPLERS


def test_upstream_takes_no_rank() -> None:
    assert SAMPLERS.needed(), "upstream's samplers take a rank; remove the patch"


def test_inside_it_is_another_process() -> None:
    with SAMPLERS.apply(2, 4):
        sampler = DefaultSampler(range(8), shuffle=False, seed=0)
    assert list(sampler) == [2, 6]
    assert get_dist_info() == (0, 1)
