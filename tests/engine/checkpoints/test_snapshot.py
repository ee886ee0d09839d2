"""Copies in host memory: independent of the originals, equal to them, and as much shared."""

import collections

import pytest
import torch
from torch import nn

from mmresnet.engine.checkpoints.snapshot import HostCopies


def copy(value, copies=None):
    copies = copies or HostCopies()
    with copies.of_one_moment():
        return copies.copy(value)


def test_a_copy_does_not_change_with_the_original():
    model = nn.Linear(3, 2)
    state, history = model.state_dict(), [1]
    copied = copy({"state": state, "history": history, "both": (state["weight"], 1)})
    expected = model.weight.detach().clone()
    model.weight.data.zero_()
    history.append(2)
    assert torch.equal(copied["state"]["weight"], expected)
    assert torch.equal(copied["both"][0], expected)
    assert copied["history"] == [1]
    assert type(copied["state"]) is collections.OrderedDict
    assert copied["state"]._metadata == state._metadata


def test_what_shares_memory_does_so_in_the_copy(tmp_path):
    base = torch.arange(12.0)
    a, b = copy([base, base.view(3, 4).t()[1:]])
    assert torch.equal(b, base.view(3, 4).t()[1:])
    assert b.stride() == (1, 4)
    a[1] = 100
    assert b[0, 0] == 100
    assert base[1] == 1
    torch.save([a, b], tmp_path / "a.pth")
    a, b = torch.load(tmp_path / "a.pth")
    assert a.data_ptr() == b.untyped_storage().data_ptr()


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(2, 3, dtype=torch.bfloat16),
        torch.rand(1, 4, 2, 2).to(memory_format=torch.channels_last),
        torch.tensor(5),
        torch.empty(0, 3),
        torch.get_rng_state(),
        torch.ones(2, 2).to_sparse(),
        nn.Parameter(torch.ones(2)),
        torch.ones(2, dtype=torch.complex64).conj(),
    ],
    ids=["bfloat16", "channels_last", "scalar", "empty", "bytes", "sparse", "parameter", "conj"],
)
def test_every_kind_of_tensor(tensor):
    copied = copy({"a": tensor})["a"]
    assert type(copied) is type(tensor)
    assert copied.dtype == tensor.dtype
    assert torch.equal(copied.to_dense(), tensor.to_dense())
    if tensor.layout == torch.strided:
        assert copied.stride() == tensor.stride()


def test_memory_is_used_again_for_the_next_copies():
    copies = HostCopies()
    first = copy([torch.ones(100), torch.zeros(100)], copies)
    addresses = {t.data_ptr() for t in first}
    second = copy([torch.full((100,), 2.0), torch.full((100,), 3.0)], copies)
    assert {t.data_ptr() for t in second} == addresses
    assert [t[0].item() for t in second] == [2, 3]
