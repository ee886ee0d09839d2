"""Batches that are copied to a GPU and normalized while it computes: no training waits for them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmresnet.engine.prepared import preparation_for
from mmresnet.models.heads.targets import HOST_LABEL


def prefetcher_for(
    model: nn.Module, whole_batches: bool = True
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return what hands out batches for a model: a :class:`Prefetcher` if it is on a GPU.

    Args:
        model: A model with a ``data_preprocessor``.
        whole_batches: Whether the model gets each batch as it is; if False, it divides them.
    """
    preprocessor = getattr(model, "data_preprocessor", None)
    device = getattr(preprocessor, "device", None)
    if device is None or device.type != "cuda":
        return iter
    return Prefetcher(device, sending_for(preprocessor, whole_batches))


def sending_for(preprocessor: Any, whole_batches: bool = True) -> Callable[[Any], Any]:
    """Return what sends a batch to the device of a data preprocessor, and prepares a whole one."""
    copy = functools.partial(to_device, device=preprocessor.device)
    if not whole_batches:
        return copy
    prepare = preparation_for(preprocessor)
    return lambda batch: prepare(copy(batch))


class Prefetcher:
    """Hands out batches on a GPU, each while the next one is being sent on another stream.

    Args:
        device: The GPU.
        send: Copies a batch to the GPU and computes what can be computed of it alone.
    """

    def __init__(self, device: torch.device, send: Callable[[Any], Any]) -> None:
        self._device, self._send = device, send
        self._stream = torch.cuda.Stream(device)

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Yield the batches."""
        ready: list[Any] = []
        for batch in batches:
            computing = torch.cuda.current_stream(self._device)
            # the memory that is copied to may be that of a batch of which a step is under way
            self._stream.wait_stream(computing)
            with torch.cuda.stream(self._stream):
                sent, event = self._send(batch), self._stream.record_event()
            for earlier, its_event in ready:
                computing.wait_event(its_event)
                yield earlier
            ready = [(sent, event)]
        for last, its_event in ready:
            torch.cuda.current_stream(self._device).wait_event(its_event)
            yield last


def to_device(batch: Any, device: torch.device) -> Any:
    """Return a batch whose tensors are being copied to a device; data samples are changed in place.

    Labels of classifiers travel in one tensor. What they were is kept in memory, for heads to check
    without asking the device.
    """
    if isinstance(batch, Tensor):
        return _copy(batch, device)
    if isinstance(batch, BaseDataElement):
        for key, value in batch.items():
            copied = to_device(value, device)
            if copied is not value:
                setattr(batch, key, copied)
        return batch
    if isinstance(batch, (list, tuple)):
        _copy_labels(batch, device)
        copies = [to_device(value, device) for value in batch]
        return type(batch)(*copies) if hasattr(batch, "_fields") else type(batch)(copies)
    if isinstance(batch, Mapping):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(getattr(batch, "tensor", None), Tensor):  # mmdet's boxes
        return type(batch)(_copy(batch.tensor, device), clone=False)
    return batch


def _copy_labels(samples: Sequence[Any], device: torch.device) -> None:
    """Copy the labels of classifiers, which each sample has, at once."""
    labels = [getattr(sample, "gt_label", None) for sample in samples]
    known = [label for label in labels if isinstance(label, Tensor) and label.is_cpu]
    if not known or len(known) < len(samples):
        return
    copied = _copy(torch.cat(known), device).split([len(label) for label in known])
    for sample, label, there in zip(samples, known, copied, strict=True):
        sample.set_field(label, HOST_LABEL, field_type="metainfo")
        sample.gt_label = there


def _copy(tensor: Tensor, device: torch.device) -> Tensor:
    if device.type == "cuda" and not tensor.is_cuda:
        tensor = tensor.pin_memory()  # from other memory a copy waits for the stream
    return tensor.to(device, non_blocking=True)
