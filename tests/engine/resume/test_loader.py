"""The batches depend on seed, epoch and position alone, not on workers, resuming or processes."""

import copy
import itertools
import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.registry import TRANSFORMS
from mmengine.runner import Runner
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from mmresnet.engine.resume import loader as loader_module
from mmresnet.engine.resume.data_order import SampleIndex, SeededDataset
from mmresnet.engine.resume.loader import ResumableDataLoader


@TRANSFORMS.register_module(force=True)
class DrawAll:
    """Adds numbers of Python's, NumPy's and torch's generators to an image."""

    def __call__(self, results: dict) -> dict:
        noise = random.random(), np.random.rand(), torch.rand(()).item()
        results["img"] = (results["img"] + 255 * np.array(noise)).astype(np.uint8)
        return results


PIPELINE = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomResizedCrop", scale=16),
    dict(type="RandomFlip", prob=0.5),
    dict(type="mmengine.DrawAll"),
    dict(type="PackInputs"),
]


@pytest.fixture
def build(tiny_images: Path, mmpretrain_scope: None) -> Callable[..., ResumableDataLoader]:
    """``build(seed, **settings)`` returns a loader of 12 images, two to a batch."""

    def make(seed: int = 3, **settings: Any) -> ResumableDataLoader:
        config = dict(
            batch_size=2,
            num_workers=0,
            dataset=dict(
                type="CustomDataset",
                data_root=str(tiny_images),
                data_prefix="train",
                pipeline=copy.deepcopy(PIPELINE),
            ),
            sampler=dict(type="DefaultSampler", shuffle=True),
        )
        config.update(settings)
        return ResumableDataLoader(Runner.build_dataloader(config, seed=seed), seed)

    return make


def contents(batches: Iterator[Any]) -> list[list[bytes]]:
    """Return the pixels of the images of each batch."""
    return [[image.numpy().tobytes() for image in batch["inputs"]] for batch in batches]


def flat(batches: list[list]) -> list:
    return list(itertools.chain.from_iterable(batches))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers(build: Callable, workers: int) -> None:
    one, many = build(), build(num_workers=workers, persistent_workers=True)
    for epoch in (0, 1):
        one.begin(epoch)
        many.begin(epoch)
        random.seed(workers), np.random.seed(workers), torch.manual_seed(workers)
        assert contents(one.rest()) == contents(many)


def test_epochs_differ(build: Callable) -> None:
    loader = build(sampler=dict(type="DefaultSampler", shuffle=False))
    first = contents(loader.rest())
    loader.begin(1)
    second = contents(loader.rest())
    assert all(a != b for a, b in zip(flat(first), flat(second), strict=True))
    assert contents(build(4, sampler=dict(type="DefaultSampler", shuffle=False))) != first


@pytest.mark.parametrize("workers", [0, 2])
def test_global_generators_are_unaffected(build: Callable, workers: int) -> None:
    loader = build(num_workers=workers)
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    for _ in loader.rest():
        pass
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert after == before


@pytest.mark.parametrize("workers", [0, 2])
def test_resumes_without_loading_what_was_done(
    build: Callable, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    whole = build()
    whole.begin(2)
    batches = contents(whole.rest())
    iterator = whole.rest()
    whole.begin(2)
    for _ in range(4):
        next(iterator)
    state = pickle.loads(pickle.dumps(whole.state_dict()))
    resumed = build(num_workers=workers)
    assert resumed.load_state_dict(state) is None
    loaded: list[int] = []
    load = SeededDataset.__getitems__

    def count(self: SeededDataset, indices: list[SampleIndex]) -> list[Any]:
        loaded.extend(index.position for index in indices)  # in a worker, of its own
        return load(self, indices)

    monkeypatch.setattr(SeededDataset, "__getitems__", count)
    assert contents(resumed.rest()) == batches[4:]
    assert loaded == ([] if workers else [8, 9, 10, 11])


def one_ahead(batches: Iterator[Any]) -> Iterator[Any]:
    """Read as what copies batches to a GPU does."""
    following = next(batches)
    for batch in batches:
        yield following
        following = batch
    yield following


def test_a_batch_that_is_read_ahead_has_not_been_given(build: Callable) -> None:
    batches = contents(build().rest())
    ahead, resumed = build(), build()
    ahead._prefetched = one_ahead
    given = contents(itertools.islice(ahead.rest(), 4))
    resumed.load_state_dict(ahead.state_dict())
    assert [given, contents(resumed.rest())] == [batches[:4], batches[4:]]


def test_an_unset_seed_is_resumed(build: Callable) -> None:
    """mmengine draws one for each start."""
    batches, resumed = contents(build(5).rest()), build(6)
    resumed.load_state_dict({**build(5).state_dict(), "batches": 1})
    assert contents(resumed.rest()) == batches[1:]


def test_repeated_augmentation(build: Callable) -> None:
    """The copies of an image differ, and each process draws its own."""
    loader = build(sampler=dict(type="RepeatAugSampler", shuffle=True))
    images = flat(contents(loader.rest()))
    indices = [int(i) for i in loader.batch_sampler.sampler]
    assert indices[0] == indices[1] == indices[2]
    assert len(set(images)) == len(images) == 12


def test_endless_sampler(build: Callable) -> None:
    loader = build(sampler=dict(type="InfiniteSampler", shuffle=True))
    iterator = loader.rest()
    batches = contents(next(iterator) for _ in range(13))  # the data twice, and a batch
    assert len(set(flat(batches))) == 26
    state = loader.state_dict()
    resumed = build(sampler=dict(type="InfiniteSampler", shuffle=True), num_workers=2)
    resumed.load_state_dict({**state, "batches": 9})
    iterator = resumed.rest()
    assert contents(next(iterator) for _ in range(4)) == batches[9:]


@pytest.mark.parametrize("kind", ["DefaultSampler", "RepeatAugSampler", "InfiniteSampler"])
def test_number_of_processes(build: Callable, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Two processes of two images see what one process of four does, from any position on."""
    sampler = dict(type=kind, shuffle=True)
    alone = build(batch_size=4, sampler=sampler)
    iterator = alone.rest()
    batches = contents(next(iterator) for _ in range(3))
    alone.begin(0, 1)
    state = alone.state_dict()
    shares = []
    for rank in (0, 1):
        for module in (loader_module, _module_of(kind)):
            monkeypatch.setattr(module, "get_dist_info", lambda rank=rank: (rank, 2))
        loader = build(sampler=sampler)
        note = loader.load_state_dict(state)
        assert "1 × 4 images per step, this run has 2 × 2" in note
        assert "continues in the same order at image 4 of epoch 1." in note
        iterator = loader.rest()
        shares.append(contents(next(iterator) for _ in range(2)))
    together = [sorted(first + second) for first, second in zip(*shares, strict=True)]
    assert together == [sorted(batch) for batch in batches[1:]]


def _module_of(kind: str) -> Any:
    import mmengine.dataset.sampler
    import mmpretrain.datasets.samplers.repeat_aug

    if kind == "RepeatAugSampler":
        return mmpretrain.datasets.samplers.repeat_aug
    return mmengine.dataset.sampler


def test_a_batch_size_that_does_not_divide(build: Callable) -> None:
    resumed = build(batch_size=4)
    note = resumed.load_state_dict({**build().state_dict(), "batches": 3})
    assert note.endswith("at image 4 of epoch 1, 6 were done.")
    assert resumed.batches == 1


def test_torch_loader() -> None:
    """A loader of torch's own, whose sampler draws from the global generator."""
    data = TensorDataset(torch.arange(8))
    one, other = (ResumableDataLoader(DataLoader(data, 2, shuffle=True), 0) for _ in range(2))
    first = [batch[0].tolist() for batch in one.rest()]
    torch.manual_seed(9)
    other.begin(0, 2)
    assert [batch[0].tolist() for batch in other.rest()] == first[2:]
    assert sorted(flat(first)) == list(range(8))


def test_others_may_iterate() -> None:
    """As a hook does that goes through the data after an epoch."""
    loader = ResumableDataLoader(DataLoader(TensorDataset(torch.arange(6)), 2), 0)
    training = loader.rest()
    next(training)
    assert [batch[0].tolist() for batch in loader] == [[0, 1], [2, 3], [4, 5]]
    assert loader.batches == 1
    assert [batch[0].tolist() for batch in training] == [[2, 3], [4, 5]]
    assert [batch[0].tolist() for batch in loader] == [[0, 1], [2, 3], [4, 5]]
    assert loader.batches == 3


class Stream(IterableDataset):
    """Has no indices."""

    def __iter__(self) -> Iterator[int]:
        return iter(range(6))


def test_stream() -> None:
    loader = ResumableDataLoader(DataLoader(Stream(), 2), 0)
    loader.begin(0, 1)
    assert [batch.tolist() for batch in loader.rest()] == [[2, 3], [4, 5]]


def test_attributes_are_those_of_the_data_set(build: Callable) -> None:
    """As hooks set them that switch the pipeline."""
    loader = build()
    inner = loader.dataset._seeded
    assert loader.dataset.metainfo == inner.metainfo
    loader.dataset.pipeline = "another"
    assert inner.pipeline == "another"
    assert not hasattr(loader.dataset, "no_such_thing")
    assert len(pickle.loads(pickle.dumps(loader.dataset))) == 12


MOSAIC = [
    dict(type="Mosaic", img_scale=(64, 80), pad_val=114.0),
    dict(type="RandomAffine", scaling_ratio_range=(0.5, 1.5), border=(-32, -40)),
    dict(type="MixUp", img_scale=(64, 80)),
    dict(type="YOLOXHSVRandomAug"),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs", meta_keys=("img_id",)),
]


@pytest.fixture
def build_detection(tiny_coco: Path, mmdet_scope: None) -> Callable[..., ResumableDataLoader]:
    """``build_detection(pipeline, wrap, **settings)`` returns a loader of the tiny COCO set."""
    import mmdet.datasets  # noqa: F401

    def make(pipeline: list, wrap: Callable[[dict], dict], **settings: Any) -> ResumableDataLoader:
        inner = dict(
            type="CocoDataset",
            data_root=str(tiny_coco),
            ann_file="annotations/instances_train2017.json",
            data_prefix=dict(img="train2017/"),
            metainfo=dict(classes=("cat", "dog", "owl")),
            pipeline=[
                dict(type="LoadImageFromFile"),
                dict(type="LoadAnnotations", with_bbox=True),
                *pipeline,
            ],
        )
        config = dict(
            batch_size=2,
            num_workers=0,
            dataset=wrap(inner),
            sampler=dict(type="DefaultSampler", shuffle=True),
            **settings,
        )
        return ResumableDataLoader(Runner.build_dataloader(config, seed=0), 0)

    return make


def test_mosaic(build_detection: Callable) -> None:
    def wrap(inner: dict) -> dict:
        return dict(type="MultiImageMixDataset", dataset=inner, pipeline=MOSAIC)

    whole = contents(build_detection([], wrap))
    resumed = build_detection([], wrap)
    resumed.begin(0, 1)
    assert contents(resumed.rest()) == whole[1:]
    config = build_detection([], wrap)
    workers = ResumableDataLoader(
        DataLoader(
            config.dataset._seeded,
            2,
            sampler=config.sampler.sampler,
            num_workers=2,
            collate_fn=config.collate_fn,
        ),
        0,
    )
    assert contents(workers.rest()) == whole


def test_aspect_ratios_and_balanced_classes(build_detection: Callable) -> None:
    flip = [
        dict(type="RandomResize", scale=(80, 64), ratio_range=(0.5, 2.0), keep_ratio=True),
        dict(type="RandomFlip", prob=0.5),
        dict(type="PackDetInputs", meta_keys=("img_id",)),
    ]

    def wrap(inner: dict) -> dict:
        balanced = dict(type="ClassBalancedDataset", oversample_thr=0.9, dataset=inner)
        return dict(type="RepeatDataset", times=2, dataset=balanced)

    settings = dict(batch_sampler=dict(type="AspectRatioBatchSampler"))
    whole = build_detection(flip, wrap, **settings)
    batches = contents(whole.rest())
    assert whole.batches == len(whole) == len(batches)
    resumed = build_detection(flip, wrap, **settings)
    resumed.load_state_dict({**whole.state_dict(), "batches": 2})
    assert contents(resumed.rest()) == batches[2:]
