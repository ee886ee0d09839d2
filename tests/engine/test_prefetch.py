"""Batches on their way to a GPU."""

import contextlib
import itertools
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from mmengine.model import BaseDataPreprocessor, ImgDataPreprocessor
from mmengine.structures import InstanceData
from simulated_gpu import DEVICE, OnDevice, simulated_gpu
from torch import Tensor, nn

from mmresnet.engine.prefetch import Prefetcher, prefetcher_for, sending_for, to_device

DataSample = pytest.importorskip("mmpretrain.structures").DataSample


class Streams:
    """CUDA's streams, as far as there are any without a GPU: what is asked of them, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        copying, computing = Stream(self, "copying"), Stream(self, "computing")
        monkeypatch.setattr(torch.cuda, "Stream", lambda device: copying)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: computing)
        monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())

    def hand_out(self, batches: Iterator[int]) -> Iterator[int]:
        yield from Prefetcher(torch.device("cuda"), self.send)(batches)

    def send(self, batch: int) -> int:
        self.asked.append(f"copy {batch}")
        self.copied = batch
        return batch


class Stream:
    def __init__(self, streams: Streams, name: str) -> None:
        self.streams, self.name = streams, name

    def wait_stream(self, other: "Stream") -> None:
        self.streams.asked.append(f"{self.name} waits for {other.name}")

    def record_event(self) -> int:
        return self.streams.copied

    def wait_event(self, event: int) -> None:
        self.streams.asked.append(f"{self.name} waits for copy {event}")


def test_a_batch_is_copied_while_the_one_before_is_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streams = Streams(monkeypatch)
    for batch in streams.hand_out(iter([1, 2, 3])):
        streams.asked.append(f"step {batch}")
    assert streams.asked == [
        *("copying waits for computing", "copy 1"),
        *("copying waits for computing", "copy 2", "computing waits for copy 1", "step 1"),
        *("copying waits for computing", "copy 3", "computing waits for copy 2", "step 2"),
        *("computing waits for copy 3", "step 3"),
    ]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_all_batches_arrive(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    streams = Streams(monkeypatch)
    assert list(streams.hand_out(iter(range(number)))) == list(range(number))


def test_what_fails_comes_when_the_batches_before_it_have_been_handed_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bad image in batch 3 stops the training after step 1, since batch 2 is read ahead."""

    def failing() -> Iterator[int]:
        yield from (1, 2)
        raise OSError("bad image")

    streams = Streams(monkeypatch)
    seen: list[int] = []
    with pytest.raises(OSError, match="bad image"):
        for batch in streams.hand_out(failing()):
            seen.append(batch)
    assert seen == [1]


def test_without_a_gpu_nothing_is_read_ahead() -> None:
    model = nn.Module()
    read = itertools.count()
    batches = prefetcher_for(model)(read)
    assert next(batches) == 0
    assert next(read) == 1


Pair = namedtuple("Pair", "first second")


def test_every_tensor_of_a_batch_is_copied_and_nothing_else_changes() -> None:
    boxes = pytest.importorskip("mmdet.structures.bbox").HorizontalBoxes(torch.rand(3, 4))
    structures = pytest.importorskip("mmdet.structures")
    sample = structures.DetDataSample(metainfo={"img_shape": (4, 5)})
    sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.arange(3), names=["a", "b", "c"])
    images = [torch.rand(3, 4, 5), torch.rand(3, 2, 2)]
    batch = {"inputs": images, "data_samples": [sample], "pair": Pair(torch.ones(1), "text")}
    with simulated_gpu() as waits:
        copied = to_device(batch, DEVICE)
    assert not waits
    assert copied["data_samples"] == [sample]
    found = copied["data_samples"][0].gt_instances
    assert found.names == ["a", "b", "c"]
    assert sample.img_shape == (4, 5)
    assert isinstance(copied["pair"], Pair)
    assert copied["pair"].second == "text"
    pairs: list[tuple[Any, Tensor]] = [
        *zip(copied["inputs"], images, strict=True),
        (found.bboxes.tensor, boxes.tensor),
        (found.labels, torch.arange(3)),
        (copied["pair"].first, torch.ones(1)),
    ]
    for there, here in pairs:
        assert isinstance(there, OnDevice)
        assert torch.equal(there.data_in_memory, here)


def test_labels_of_classifiers_are_copied_in_one_tensor_and_known_in_memory() -> None:
    samples = [DataSample().set_gt_label(labels) for labels in ([1], [0, 2], [3])]
    with simulated_gpu():
        to_device(samples, DEVICE)
        assert [sample.gt_label.cpu().tolist() for sample in samples] == [[1], [0, 2], [3]]
    assert len({id(sample.gt_label._base) for sample in samples}) == 1
    assert [sample.gt_label_on_host.tolist() for sample in samples] == [[1], [0, 2], [3]]


def test_samples_without_labels_are_copied_as_they_are() -> None:
    samples = [DataSample().set_gt_score([0.5, 0.5]), DataSample().set_gt_label(1)]
    with simulated_gpu():
        to_device(samples, DEVICE)
    assert isinstance(samples[0].gt_score, OnDevice)
    assert isinstance(samples[1].gt_label, OnDevice)


def test_a_batch_is_sent_with_what_the_net_gets_unless_it_is_divided() -> None:
    batch = {"inputs": [torch.randint(0, 256, (3, 4, 5), dtype=torch.uint8)]}
    whole, divided = ImgDataPreprocessor([9.0], [3.0]), ImgDataPreprocessor([9.0], [3.0])
    sent = sending_for(whole)(batch)
    assert torch.equal(sent.prepared["inputs"][0], (batch["inputs"][0] - 9.0) / 3.0)
    assert type(sending_for(divided, whole_batches=False)(batch)) is dict
    assert "forward" not in vars(divided)


@pytest.mark.gpu
def test_batches_are_normalized_ahead(device: str) -> None:
    model = nn.Module()
    model.data_preprocessor = ImgDataPreprocessor([9.0], [3.0]).to(device)
    loaded = [torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8) for _ in range(20)]
    matrix = torch.rand(1500, 1500, device=device)
    batches = prefetcher_for(model)({"inputs": images} for images in loaded)
    for batch, images in zip(batches, loaded, strict=True):
        matrix = torch.tanh(matrix @ matrix)  # so that the device is behind
        found = model.data_preprocessor(batch, True)["inputs"]
        torch.testing.assert_close(found.cpu(), (images - 9.0) / 3.0)
        del batch, found  # their memory is used again


@pytest.mark.gpu
def test_batches_arrive_whole_while_the_gpu_computes(device: str) -> None:
    model = nn.Module()
    model.data_preprocessor = BaseDataPreprocessor().to(device)
    sent = [{"inputs": torch.full((64, 3, 128, 128), i, dtype=torch.uint8)} for i in range(40)]
    matrix = torch.rand(1500, 1500, device=device)
    sums = []
    for batch in prefetcher_for(model)(iter(sent)):
        matrix = torch.tanh(matrix @ matrix)  # so that the device is behind
        sums.append(batch["inputs"].sum())
        assert batch["inputs"].device.type == device
        del batch  # its memory is used again
    assert [one.item() for one in sums] == [i * 64 * 3 * 128 * 128 for i in range(40)]
