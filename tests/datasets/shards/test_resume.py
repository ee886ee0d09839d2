"""Epochs on shards that go on with other numbers of workers and processes."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from faulty_proxy import Fault, Proxy
from small_shards import ADDRESS
from torch.utils.data import DataLoader

from mmresnet.datasets.class_folders import CustomDataset
from mmresnet.datasets.shards import sampler, shard_set
from mmresnet.datasets.shards.sampler import ShardSampler
from mmresnet.engine.resume import loader as module
from mmresnet.engine.resume.loader import ResumableDataLoader

PIPELINE = [dict(type="LoadImageFromFile"), dict(type="mmcv.RandomFlip", prob=0.5)]


def resumable(
    patch: pytest.MonkeyPatch, rank: int, world: int, batch: int, workers: int
) -> ResumableDataLoader:
    """Return the loader of a process that has just begun."""
    patch.setattr(sampler, "get_dist_info", lambda: (rank, world))
    patch.setattr(module, "get_dist_info", lambda: (rank, world))
    patch.setattr(shard_set, "_opened", {})
    dataset = CustomDataset(data_root=ADDRESS, data_prefix="train", pipeline=PIPELINE)
    order = ShardSampler(dataset, seed=5, streams=4)
    own: dict[str, Any] = dict(batch_size=batch, num_workers=workers, collate_fn=list)
    return ResumableDataLoader(DataLoader(dataset, sampler=order, **own), seed=5)


def digests(batches: Iterable[list[dict[str, Any]]]) -> list[list[tuple[str, str]]]:
    """Return path and content of the images of each batch, as they were augmented."""
    return [
        [(one["img_path"], hashlib.md5(one["img"].tobytes()).hexdigest()) for one in batch]
        for batch in batches
    ]


def test_an_epoch_goes_on_with_other_workers_and_processes(
    store: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = resumable(monkeypatch, 0, 1, batch=4, workers=0)
    whole.begin(epoch=3)
    expected = digests(whole)
    assert len({path for batch in expected for path, _ in batch}) == 45

    # every third request fails, by turns in two ways
    faults = Fault(status=503), Fault(cut_after=1000)
    store.fault = lambda method, path, times: (
        faults[len(store.asked) % 2] if len(store.asked) % 3 == 0 else None
    )
    first = resumable(monkeypatch, 0, 1, batch=4, workers=2)
    first.begin(epoch=3)
    rest, before = first.rest(), []
    for _ in range(5):
        before += digests([next(rest)])
    assert before == expected[:5]
    state = first.state_dict()

    ranks = [resumable(monkeypatch, rank, 2, batch=2, workers=1 - rank) for rank in range(2)]
    for one in ranks:
        assert one.load_state_dict(state) is not None and one.batches == 5
    after = [digests(one.rest()) for one in ranks]
    together = [
        [image for pair in zip(*batches, strict=True) for image in pair]
        for batches in zip(*after, strict=True)
    ]
    flat = [image for batch in together for image in batch]
    wanted = [image for batch in expected[5:] for image in batch]
    assert flat[: len(wanted)] == wanted
    assert len(flat) == len(wanted) + 1  # 45 images are one less than both need


@pytest.mark.full
def test_a_cache_of_half_the_shards_suffices_for_an_epoch(
    store: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = digests(resumable(monkeypatch, 0, 1, batch=4, workers=0))
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE_LIMIT", "125KB")  # six of seven
    for path in list(shard_set.Cache().folder.glob("*.tar")):
        path.unlink()
    store.asked.clear()
    assert digests(resumable(monkeypatch, 0, 1, batch=4, workers=2)) == expected
    assert set(Counter(store.gets()).values()) == {1}
