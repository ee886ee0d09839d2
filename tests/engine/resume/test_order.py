"""The orders of the images of logical shards, for any number of processes."""

import random
from collections.abc import Iterator

import pytest
import torch
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import DataLoader, Sampler, TensorDataset

from mmresnet.engine.logical.batches import split
from mmresnet.engine.logical.layout import Layout
from mmresnet.engine.resume.loader import ResumableDataLoader
from mmresnet.engine.resume.order import ShardedOrder, cut_validation
from mmresnet.errors import UserError

DATA = TensorDataset(torch.arange(20))


class Drawing(TensorDataset):
    """Adds a random number to each image."""

    def __getitem__(self, index: int) -> tuple:
        return int(self.tensors[0][index]), random.random()


@DATA_SAMPLERS.register_module(force=True)
class ByParity(Sampler):
    """Batches of even and of odd images, as batches of one aspect ratio."""

    def __init__(self, sampler: Sampler, batch_size: int) -> None:
        self.sampler, self.batch_size = sampler, batch_size

    def __iter__(self) -> Iterator[list[int]]:
        groups: list[list[int]] = [[], []]
        for index in self.sampler:
            groups[index % 2].append(index)
            if len(groups[index % 2]) == self.batch_size:
                yield groups[index % 2]
                groups[index % 2] = []
        left = groups[0] + groups[1]
        for start in range(0, len(left), self.batch_size):
            yield left[start : start + self.batch_size]

    def __len__(self) -> int:
        return -(-len(self.sampler) // self.batch_size)


def build(rank: int, processes: int, sampler: str, batches: str | None) -> ResumableDataLoader:
    settings = {"batch_size": 2, "sampler": {"type": sampler, "shuffle": True}}
    if batches:
        settings["batch_sampler"] = {"type": batches}
    order = ShardedOrder(DATA, settings, 3, Layout(4, rank, processes))
    loader = DataLoader(Drawing(*DATA.tensors), 2, collate_fn=list)
    return ResumableDataLoader(loader, 3, order)


def steps(
    processes: int, sampler: str, batches: str | None, epoch: int = 0, done: int = 0
) -> list[list]:
    """Return the images of each step, shard by shard, with what was drawn for each."""
    loaders = [build(rank, processes, sampler, batches) for rank in range(processes)]
    for loader in loaders:
        loader.begin(epoch, done)
    ranks = [
        [next(iterator) for _ in range(3 - done)]
        for iterator in map(ResumableDataLoader.rest, loaders)
    ]
    return [[image for batch in of_step for image in batch] for of_step in zip(*ranks, strict=True)]


@pytest.mark.parametrize("batches", [None, "ByParity"])
@pytest.mark.parametrize("sampler", ["DefaultSampler", "InfiniteSampler"])
def test_any_number_of_processes(sampler: str, batches: str | None) -> None:
    alone = steps(1, sampler, batches)
    assert len({image for step in alone for image, _ in step}) >= 19  # of 20, in 24 places
    assert steps(2, sampler, batches) == steps(4, sampler, batches) == alone
    for processes in (1, 2):
        assert steps(processes, sampler, batches, done=1) == alone[1:]


def test_epochs_differ() -> None:
    first, second = (steps(1, "DefaultSampler", None, epoch) for epoch in (0, 1))
    assert first != second == steps(4, "DefaultSampler", None, 1)


def test_a_position_holds_for_any_number_of_processes() -> None:
    """Also for the run of four processes that had no shards."""
    two = build(1, 2, "DefaultSampler", "ByParity")
    two.begin(1, 2)
    state = two.state_dict()
    assert (state["world_size"], state["batch_size"]) == (4, 2)
    four = build(0, 4, "DefaultSampler", "ByParity")
    assert four.load_state_dict(state) is None
    assert (four.epoch, four.batches) == (1, 2)


def test_images_of_a_shard_are_those_of_a_process() -> None:
    shuffled = torch.randperm(20, generator=torch.Generator().manual_seed(3)).tolist()
    (first, *_) = steps(4, "DefaultSampler", None)
    assert [image for image, _ in first] == [
        shuffled[place] for shard in range(4) for place in (shard, shard + 4)
    ]


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_validations(processes: int) -> None:
    """Results collected in turn are in the order of the set; a shard's batches are always alike."""
    data = TensorDataset(torch.arange(10))
    settings = {"batch_size": 2, "sampler": {"type": "DefaultSampler", "shuffle": False}}
    collected, of_shards = [], {}
    for rank in range(processes):
        layout = Layout(4, rank, processes)
        loader = cut_validation(DataLoader(data, 2, collate_fn=list), settings, 0, layout)
        batches = [[int(image) for (image,) in batch] for batch in loader]
        collected.append([image for batch in batches for image in batch])
        for number, batch in enumerate(batches):
            cut = split({"images": batch}, len(layout.own), in_turn=True)
            for place, part in enumerate(cut):
                of_shards[number, rank + place * processes] = part["images"]
    in_turn = [image for of_processes in zip(*collected, strict=True) for image in of_processes]
    assert in_turn[:10] == list(range(10))
    assert of_shards == {
        (0, 0): [0, 4],
        (0, 1): [1, 5],
        (0, 2): [2, 6],
        (0, 3): [3, 7],
        (1, 0): [8],
        (1, 1): [9],
        (1, 2): [0],
        (1, 3): [1],
    }


def test_a_validation_with_batches_of_its_own() -> None:
    loader = DataLoader(DATA, 2)
    settings = {"batch_size": 2, "sampler": {}, "batch_sampler": {"type": "ByParity"}}
    with pytest.raises(UserError, match="without a batch_sampler"):
        cut_validation(loader, settings, 0, Layout(2))
