"""Batches of a process cut into those of its shards."""

import pytest
import torch

from mmresnet.engine.logical.batches import InTurn, split
from mmresnet.errors import UserError


def test_batches_are_cut() -> None:
    images = torch.arange(8).view(4, 2)
    whole = {"inputs": images, "data_samples": ["a", "b", "c", "d"]}
    assert split(whole, 1) == [whole]
    first, second = split(whole, 2)
    assert torch.equal(first["inputs"], images[:2]) and torch.equal(second["inputs"], images[2:])
    assert (first["data_samples"], second["data_samples"]) == (["a", "b"], ["c", "d"])
    # rounding can depend on how a tensor is aligned
    assert second["inputs"].storage_offset() == 0


@pytest.mark.parametrize("data", [{"inputs": [1, 2, 3]}, {"inputs": 5}, {"inputs": []}])
def test_batches_that_cannot_be_cut(data: dict) -> None:
    with pytest.raises(UserError, match="a dict with an entry for each image"):
        split(data, 2)


def test_images_in_turn() -> None:
    """A validation has the images of the shards in turn, and its batches are cut so."""
    images = list(InTurn([[0, 4, 8], [2, 6, 10]]))
    assert images == [0, 2, 4, 6, 8, 10]
    assert len(InTurn([[0, 4, 8], [2, 6, 10]])) == 6
    assert split({"inputs": images}, 2, in_turn=True) == [
        {"inputs": [0, 4, 8]},
        {"inputs": [2, 6, 10]},
    ]
