"""Weights by path, address or name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mmresnet import compat
from mmresnet.errors import UserError, UserFileNotFoundError
from mmresnet.weights.origin import Origin, mark

SCHEMES = (
    "http://",
    "https://",
    "torchvision://",
    "modelzoo://",
    "open-mmlab://",
    "openmmlab://",
    "mmcls://",
    "mmpretrain://",
    "detectron2://",
    "akamaster://",
    "timm://",
    "hf://",
)


def read(source: str | os.PathLike, map_location: object = "cpu") -> dict[str, Any]:
    """Return what a file of weights holds; its tensors know where they are from.

    Args:
        source: A path, an http(s) address, or a name: ``torchvision://resnet50``,
            ``open-mmlab://resnet50_v1c``, ``timm://resnet50d.ra2_in1k``, ``hf://org/name``.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It cannot be fetched, or it is no file of weights.
    """
    from mmresnet.weights.formats.files import (
        read_weights,  # here and below: who reads no file does not wait for them
    )

    compat.apply()  # which lets torch read what mmengine's checkpoints hold beside tensors
    source = os.fspath(source)
    path = Path(source).expanduser()
    if source.startswith(SCHEMES):
        from mmresnet.weights.hub import download

        path = download.fetch(source)
    elif not path.is_file():
        if path.is_dir():
            raise UserError(f"'{source}' is a folder: name the file of weights in it.")
        raise UserFileNotFoundError(f"There is no file of weights '{source}'.")
    content = read_weights(path, map_location)
    mark(content, origin(source, path))
    return content


def origin(source: str, path: Path) -> Origin:
    """Return what is known of a file at ``path``, from the catalogue or the settings beside it."""
    from mmresnet.weights.hub import catalogue
    from mmresnet.weights.hub.download import digest
    from mmresnet.weights.hub.settings import preprocessing_beside

    entry = catalogue.find(source) or catalogue.find(path.name)
    if entry is None or not digest(path).startswith(entry.sha256):  # another file of its name
        return Origin(source, preprocessing_beside(path))
    return Origin(source, entry.preprocessing, entry.style, entry.recipe)
