"""The catalogue of public weights: address, architecture, and how they were trained.

The table is ``catalogue.csv``, with a line for each. Its facts are the publishers': torchvision's
``ResNet*_Weights``, timm's ``pretrained_cfg``, mmpretrain's ``metafile.yml`` and configs, the
``hub/*.json`` of mmengine, the configs of mmdet and mmsegmentation that use them, detectron2's
``MODEL_ZOO.md`` and ``convert-torchvision-to-d2.py``, the model cards of ``microsoft/resnet-*`` and
the README of ``akamaster/pytorch_resnet_cifar10``. timm's top-1 is that of its
``results/results-imagenet.csv``, at the size given here. What no publisher states is empty.
"""

from __future__ import annotations

import csv
import functools
import re
from dataclasses import dataclass
from pathlib import Path

from mmresnet.errors import UserError, did_you_mean
from mmresnet.weights.hub.addresses import hash_in_name
from mmresnet.weights.hub.preprocessing import (
    CAFFE_STD,
    IMAGENET_MEAN,
    IMAGENET_STD,
    ChannelOrder,
    Preprocessing,
)

TABLE = Path(__file__).with_suffix(".csv")

# Mean, standard deviation (of pixels from 0 to 255) and channel order
_NORMALIZATIONS: dict[str, tuple[tuple[float, ...], tuple[float, ...], ChannelOrder]] = {
    "imagenet": (IMAGENET_MEAN, IMAGENET_STD, "rgb"),
    "half": ((127.5,) * 3, (127.5,) * 3, "rgb"),
    "msra": (IMAGENET_MEAN[::-1], CAFFE_STD, "bgr"),
    "detectron": ((102.9801, 115.9465, 122.7717), CAFFE_STD, "bgr"),
    "cifar10": ((125.307, 122.961, 113.8575), (51.5865, 50.847, 51.255), "rgb"),
    "cifar100": ((129.304, 124.07, 112.434), (68.17, 65.392, 70.418), "rgb"),
}
_OLD_SCHEMES = {"modelzoo": "torchvision", "openmmlab": "open-mmlab"}


@dataclass(frozen=True)
class Entry:
    """Public weights.

    Attributes:
        name: ``publisher://name``.
        aliases: Other names.
        url: The address of the file, or ``hf://org/name``.
        sha256: The file's: 64 digits, or the first 8 where only these are known; else empty.
        layout: The naming of the tensors, a key of ``mmresnet.weights.names.layouts.LAYOUTS``.
        depth: Number of layers.
        variant: The class of the network, in lower case: "resnet", "resnetv1c", "resnetv1d",
            "resnet_cifar", "cifarresnet".
        style: Where the stride of a bottleneck is: "pytorch" (3×3) or "caffe" (first 1×1).
        dataset: Whose classes the head predicts, empty if there is no head.
        recipe: How they were trained, in the publisher's words.
        top1: Accuracy in percent, if the publisher states it.
        preprocessing: How images are preprocessed.
        licence: SPDX identifier, empty if the publisher states none for the weights.
    """

    name: str
    aliases: tuple[str, ...]
    url: str
    sha256: str
    layout: str
    depth: int
    variant: str
    style: str
    dataset: str
    recipe: str
    top1: float | None
    preprocessing: Preprocessing
    licence: str


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Return the entries of the catalogue, in the order of its table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(_entry(row) for row in csv.DictReader(file))


def _entry(row: dict[str, str]) -> Entry:
    mean, std, order = _NORMALIZATIONS[row.pop("normalization")]
    size, resize, top1 = row.pop("size"), row.pop("resize"), row.pop("top1")
    preprocessing = Preprocessing(
        mean,
        std,
        order,
        size=int(size) if size else None,
        resize=int(resize) if resize else None,
        interpolation=row.pop("interpolation") or None,
    )
    return Entry(
        aliases=tuple(row.pop("aliases").split()),
        depth=int(row.pop("depth")),
        top1=float(top1) if top1 else None,
        preprocessing=preprocessing,
        **row,
    )


@functools.cache
def _index() -> dict[str, Entry]:
    """Return entries by normalized name, address and file; the first, if several share a file."""
    index: dict[str, Entry] = {}
    for entry in entries():
        for name in (entry.name, *entry.aliases):
            index[_normalized(name)] = entry
    for entry in entries():
        index.setdefault(_normalized(entry.url), entry)
        if entry.sha256:  # it is in the file's name, which is unique then
            index.setdefault(_normalized(entry.url.rpartition("/")[2]), entry)
    return index


def _normalized(name: str) -> str:
    name = re.sub(r"^https://huggingface\.co/([^/]+/[^/]+)/resolve/", r"hf://\1/", name.strip())
    scheme, separator, rest = name.lower().partition("://")
    scheme = _OLD_SCHEMES.get(scheme, scheme)
    if scheme == "hf":  # without the file
        rest = "/".join(rest.split("/")[:2])
    if scheme == "torchvision":  # ResNet50_Weights.IMAGENET1K_V2
        rest = rest.replace("_weights.", ".")
    return f"{scheme}{separator}{rest}"


def find(name: str) -> Entry | None:
    """Return the entry with this name, address or file name, or None.

    A file name counts if it contains the file's hash, as ``resnet50-11ad3fa6.pth`` does, whatever
    the host: OpenMMLab's files are also at ``mmassets.onedl.ai``, by the maintained forks.
    """
    found = _index().get(_normalized(name))
    file = name.rpartition("/")[2]
    return _index().get(file) if found is None and hash_in_name(file) else found


def get(name: str) -> Entry:
    """Return the entry with this name, address or file name.

    Raises:
        UserError: There is none; the message has the nearest name.
    """
    entry = find(name)
    if entry is None:
        raise UserError(
            f"The catalogue has no weights '{name}'.{did_you_mean(name.lower(), _index())} "
            "'mmresnet weights list' prints all."
        )
    return entry


def search(pattern: str = "") -> list[Entry]:
    """Return the entries with ``pattern`` in their name or aliases, ignoring case."""
    wanted = pattern.lower()
    return [e for e in entries() if any(wanted in name.lower() for name in (e.name, *e.aliases))]
