"""Gradients travel in 16 bits where that is asked for."""

import pytest
import torch
from torch import distributed, nn

from mmresnet.engine.nodes.data_parallel import DistributedDataParallel
from mmresnet.errors import UserValueError


@pytest.fixture
def group(tmp_path):
    """A process group of this process alone, in which gradients are compressed all the same."""
    place = f"file://{tmp_path}/store"
    distributed.init_process_group("gloo", init_method=place, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def gradients(**settings):
    torch.manual_seed(0)
    model = DistributedDataParallel(nn.Linear(64, 64), **settings)
    model(torch.randn(8, 64)).square().sum().backward()
    return model.module.weight.grad


def test_gradients_are_rounded_on_their_way(group):
    exact = gradients()
    assert not torch.equal(exact, exact.bfloat16().float())
    for name, kind in (("bfloat16", torch.bfloat16), ("float16", torch.float16)):
        assert torch.equal(gradients(gradient_compression=name), exact.to(kind).float())


def test_buffers_stay_those_of_each_process_as_mmengine_has_it(group):
    assert not DistributedDataParallel(nn.Linear(2, 2)).broadcast_buffers
    assert DistributedDataParallel(nn.Linear(2, 2), bucket_cap_mb=5).bucket_bytes_cap == 5 * 2**20


def test_an_unknown_compression():
    with pytest.raises(UserValueError, match=r"not 'bf16'\. Did you mean 'bfloat16'\?"):
        DistributedDataParallel(nn.Linear(2, 2), gradient_compression="bf16")
